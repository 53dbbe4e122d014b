#include "calls.h"

#include <dlfcn.h>
#include <stddef.h>

int load_calls(const char *library, struct calls *calls) {
  if (library == NULL) {
#ifdef HAVE_KQUEUE
    calls->kqueue = kqueue;
    calls->kevent = kevent;
    return 1;
#else
    return 0;
#endif
  }
  void *handle = dlopen(library, RTLD_NOW);
  if (handle == NULL) return 0;
  *(void **)&calls->kqueue = dlsym(handle, "kqueue");
  *(void **)&calls->kevent = dlsym(handle, "kevent");
  return calls->kqueue != NULL && calls->kevent != NULL;
}
