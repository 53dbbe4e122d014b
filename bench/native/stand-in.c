/*
 * A stand-in for a kqueue library, so that the FFI can be measured over calls
 * that do something where there is no kqueue: user events only, on Darwin's
 * struct kevent. It is no kqueue. A queue is an epoll, a user event an eventfd
 * that the epoll watches, found by its number in a red-black tree under a lock:
 * a call costs about what one of libkqueue costs, by doing about the same.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <search.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "calls.h"

enum {
  USER = -10,
  ADD = 0x0001,
  DELETE = 0x0002,
  CLEAR = 0x0020,
  RECEIPT = 0x0040,
  ERROR = 0x4000,
};
#define TRIGGER 0x01000000u
#define MOST 512
#define QUEUES 65536

struct knote {
  struct kevent kevent;
  int fd;
};

struct queue {
  pthread_mutex_t lock;
  void *knotes;
};

static struct queue *queues[QUEUES];

int kqueue(void) {
  int fd = epoll_create1(EPOLL_CLOEXEC);
  if (fd < 0) return -1;
  if (fd >= QUEUES) {
    close(fd);
    errno = EMFILE;
    return -1;
  }
  struct queue *queue = calloc(1, sizeof *queue);
  pthread_mutex_init(&queue->lock, NULL);
  queues[fd] = queue;
  return fd;
}

static int compare(const void *left, const void *right) {
  const struct kevent *a = left;
  const struct kevent *b = right;
  if (a->ident != b->ident) return a->ident < b->ident ? -1 : 1;
  return (a->filter > b->filter) - (a->filter < b->filter);
}

static int apply(int kq, struct queue *queue, const struct kevent *change) {
  if (change->filter != USER) return ENOTSUP;
  // A knote begins with its kevent.
  struct knote **at = tfind(change, &queue->knotes, compare);
  struct knote *knote = at == NULL ? NULL : *at;
  if (knote == NULL) {
    if ((change->flags & ADD) == 0) return ENOENT;
    knote = calloc(1, sizeof *knote);
    knote->kevent.ident = change->ident;
    knote->kevent.filter = change->filter;
    knote->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = knote}};
    if (knote->fd < 0 || epoll_ctl(kq, EPOLL_CTL_ADD, knote->fd, &event) < 0) {
      free(knote);
      return errno;
    }
    tsearch(knote, &queue->knotes, compare);
  }
  if ((change->flags & DELETE) != 0) {
    close(knote->fd);
    tdelete(knote, &queue->knotes, compare);
    free(knote);
    return 0;
  }
  if ((change->flags & ADD) != 0) {
    knote->kevent.flags = change->flags & ~(ADD | RECEIPT);
    knote->kevent.data = change->data;
    knote->kevent.udata = change->udata;
  }
  if ((change->fflags & TRIGGER) != 0) {
    uint64_t one = 1;
    if (write(knote->fd, &one, sizeof one) < 0) return errno;
  }
  return 0;
}

int kevent(int kq, const struct kevent *changes, count_t nchanges,
           struct kevent *events, count_t nevents, const struct timespec *limit) {
  struct queue *queue = kq >= 0 && kq < QUEUES ? queues[kq] : NULL;
  if (queue == NULL) {
    errno = EBADF;
    return -1;
  }
  int count = 0;
  for (int i = 0; i < nchanges; i++) {
    pthread_mutex_lock(&queue->lock);
    int error = apply(kq, queue, &changes[i]);
    pthread_mutex_unlock(&queue->lock);
    if (error == 0 && (changes[i].flags & RECEIPT) == 0) continue;
    if (count == nevents) {
      if (error == 0) continue;
      errno = error;
      return -1;
    }
    events[count] = changes[i];
    events[count].flags |= ERROR;
    events[count++].data = error;
  }
  if (count > 0 || nevents == 0) return count;

  struct epoll_event ready[MOST];
  int timeout = -1;
  if (limit != NULL) timeout = limit->tv_sec * 1000 + limit->tv_nsec / 1000000;
  int found = epoll_wait(kq, ready, nevents < MOST ? nevents : MOST, timeout);
  if (found < 0) return -1;
  pthread_mutex_lock(&queue->lock);
  for (int i = 0; i < found; i++) {
    struct knote *knote = ready[i].data.ptr;
    events[i] = knote->kevent;
    if ((knote->kevent.flags & CLEAR) != 0) {
      uint64_t value;
      if (read(knote->fd, &value, sizeof value) < 0) events[i].data = 0;
    }
  }
  pthread_mutex_unlock(&queue->lock);
  return found;
}
