/* Something the program can time: set up once for an argument, then run. */
#ifndef TASK_H
#define TASK_H

struct task {
  const char *name;
  void *(*set_up)(long argument);
  void (*run)(void *state, long n);
};

extern const struct task epoll_tasks[];
extern const struct task kevent_tasks[];

/* What was read goes here, so that no compiler leaves the reading out. */
extern volatile long long sink;

/* Give up, saying what did not work. */
void give_up(const char *what);

#endif
