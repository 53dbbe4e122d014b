/* kqueue and kevent, of the library that the FFI calls too. */
#ifndef CALLS_H
#define CALLS_H

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#if __has_include(<sys/event.h>)
#include <sys/event.h>
#define HAVE_KQUEUE 1
#else
/* As Darwin, OpenBSD, DragonFly and libkqueue have it on 64-bit CPUs. */
struct kevent {
  uintptr_t ident;
  int16_t filter;
  uint16_t flags;
  uint32_t fflags;
  intptr_t data;
  void *udata;
};
#endif

#ifdef __NetBSD__
typedef size_t count_t;
#else
typedef int count_t;
#endif

struct calls {
  int (*kqueue)(void);
  int (*kevent)(int, const struct kevent *, count_t, struct kevent *, count_t,
                const struct timespec *);
};

/* Of the library at a path, or of the C library; 0 if they are not there. */
int load_calls(const char *library, struct calls *calls);

#endif
