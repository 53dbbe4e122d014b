/* The calls themselves, made from C. */
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "task.h"

/*
 * USER_FILTER, ADD and TRIGGER are EVFILT_USER, EV_ADD and NOTE_TRIGGER of the
 * library, which need not be those of the system: given to the compiler.
 */

/* As in bench/values.ts. */
#define FIRST_IDENT 100001
#define UDATA 0x3f12345678

struct queue {
  int kq;
  int room;
  struct kevent *events;
  struct kevent *changes;
  struct kevent *records;
};

static struct calls calls;
static const struct timespec zero;

static struct queue *make(int room) {
  if (calls.kqueue == NULL &&
      !load_calls(getenv("KQUEUE_FFI_LIBRARY"), &calls)) {
    give_up("the library cannot be loaded");
  }
  struct queue *queue = calloc(1, sizeof *queue);
  queue->kq = calls.kqueue();
  if (queue->kq < 0) give_up("kqueue");
  queue->room = room;
  queue->events = calloc(room, sizeof *queue->events);
  queue->changes = calloc(room, sizeof *queue->changes);
  queue->records = calloc(room, sizeof *queue->records);
  return queue;
}

static void change(struct queue *queue, int flags, uint32_t fflags) {
  for (int i = 0; i < queue->room; i++) {
    queue->changes[i] = (struct kevent){.ident = FIRST_IDENT + i,
                                        .filter = USER_FILTER,
                                        .flags = flags,
                                        .fflags = fflags,
                                        .udata = (void *)(UDATA + i)};
  }
  if (calls.kevent(queue->kq, queue->changes, queue->room, NULL, 0, NULL) < 0) {
    give_up("kevent");
  }
}

static void *set_up_empty(long room) { return make(room); }

static void run_empty(void *state, long n) {
  struct queue *queue = state;
  while (n-- > 0) {
    sink += calls.kevent(queue->kq, NULL, 0, queue->events, queue->room, &zero);
  }
}

static void *set_up_harvest(long count) {
  struct queue *queue = make(count);
  change(queue, ADD, 0);
  change(queue, 0, TRIGGER);
  return queue;
}

static void run_harvest(void *state, long n) {
  struct queue *queue = state;
  long long sum = 0;
  while (n-- > 0) {
    int count =
        calls.kevent(queue->kq, NULL, 0, queue->events, queue->room, &zero);
    if (count != queue->room) give_up("some events are missing");
    for (int i = 0; i < count; i++) {
      const struct kevent *event = &queue->events[i];
      sum += event->ident + event->filter + event->flags + event->fflags +
             event->data + (intptr_t)event->udata;
    }
  }
  sink += sum;
}

static void *set_up_change(long count) {
  struct queue *queue = make(count);
  change(queue, ADD, 0);
  memcpy(queue->records, queue->changes, count * sizeof *queue->records);
  return queue;
}

static void run_change(void *state, long n) {
  struct queue *queue = state;
  while (n-- > 0) {
    sink += calls.kevent(queue->kq, queue->changes, queue->room, NULL, 0, NULL);
  }
}

/* EV_SET of every change, and then the call. */
static void run_set_change(void *state, long n) {
  struct queue *queue = state;
  while (n-- > 0) {
    for (int i = 0; i < queue->room; i++) {
      const struct kevent *record = &queue->records[i];
      struct kevent *to = &queue->changes[i];
      to->ident = record->ident;
      to->filter = record->filter;
      to->flags = record->flags;
      to->fflags = record->fflags;
      to->data = record->data;
      to->udata = record->udata;
    }
    sink += calls.kevent(queue->kq, queue->changes, queue->room, NULL, 0, NULL);
  }
}

const struct task kevent_tasks[] = {
    {"kevent-empty", set_up_empty, run_empty},
    {"kevent-harvest", set_up_harvest, run_harvest},
    {"kevent-change", set_up_change, run_change},
    {"kevent-set-change", set_up_change, run_set_change},
    {0},
};
