/* What the kqueue built into the library does on Linux, done with epoll. */
#ifdef __linux__
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "task.h"

struct queue {
  int ep;
  int waker;
  int room;
  struct epoll_event *events;
};

static struct queue *make(int room) {
  struct queue *queue = calloc(1, sizeof *queue);
  queue->ep = epoll_create1(EPOLL_CLOEXEC);
  if (queue->ep < 0) give_up("epoll_create1");
  queue->room = room;
  queue->events = calloc(room, sizeof *queue->events);
  return queue;
}

static void watch(struct queue *queue, int fd) {
  struct epoll_event event = {.events = EPOLLIN, .data = {.fd = fd}};
  if (epoll_ctl(queue->ep, EPOLL_CTL_ADD, fd, &event) < 0) give_up("epoll_ctl");
}

static void *set_up_poll(long idle) {
  struct queue *queue = make(64);
  for (long i = 0; i < idle; i += 2) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
      give_up("socketpair");
    }
    watch(queue, pair[0]);
    if (i + 1 < idle) watch(queue, pair[1]);
  }
  return queue;
}

static void run_poll(void *state, long n) {
  struct queue *queue = state;
  while (n-- > 0) {
    sink += epoll_wait(queue->ep, queue->events, queue->room, 0);
  }
}

static void *set_up_harvest(long count) {
  struct queue *queue = make(count);
  for (long i = 0; i < count; i++) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) give_up("pipe2");
    if (write(ends[1], "12345", 5) != 5) give_up("write");
    watch(queue, ends[0]);
  }
  return queue;
}

/* What reports only of the file that was registered has to ask for it. */
static void prove(struct queue *queue, int fd) {
  struct epoll_event none = {0};
  int done = epoll_ctl(queue->ep, EPOLL_CTL_ADD, fd, &none);
  if (done == 0 || errno != EEXIST) give_up("another file");
}

static void harvest(struct queue *queue, long n, int proves) {
  long long sum = 0;
  while (n-- > 0) {
    int count = epoll_wait(queue->ep, queue->events, queue->room, 0);
    if (count != queue->room) give_up("some events are missing");
    for (int i = 0; i < count; i++) {
      int bytes;
      int fd = queue->events[i].data.fd;
      if (proves) prove(queue, fd);
      if (ioctl(fd, FIONREAD, &bytes) < 0) give_up("ioctl");
      sum += fd + bytes + queue->events[i].events;
    }
  }
  sink += sum;
}

static void run_harvest(void *state, long n) { harvest(state, n, 0); }

static void run_promise(void *state, long n) { harvest(state, n, 1); }

static void *set_up_user(long unused) {
  (void)unused;
  struct queue *queue = make(64);
  queue->waker = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (queue->waker < 0) give_up("eventfd");
  watch(queue, queue->waker);
  return queue;
}

static void run_user(void *state, long n) {
  struct queue *queue = state;
  uint64_t value = 1;
  while (n-- > 0) {
    if (write(queue->waker, &value, sizeof value) < 0) give_up("write");
    if (epoll_wait(queue->ep, queue->events, queue->room, 0) != 1) {
      give_up("no event");
    }
    if (read(queue->waker, &value, sizeof value) < 0) give_up("read");
    sink += value;
  }
}

const struct task epoll_tasks[] = {
    {"epoll-poll", set_up_poll, run_poll},
    {"epoll-harvest", set_up_harvest, run_harvest},
    {"epoll-promise", set_up_harvest, run_promise},
    {"epoll-user", set_up_user, run_user},
    {0},
};
#endif
