// The functions of glibc that Node.js and libstdc++ call and musl lacks, under
// the name of glibc's loader, which both are linked with. It is linked without a
// C library: the functions it calls itself are musl's.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

// The process has threads: atomic reference counts.
char __libc_single_threaded = 0;
// V8 asks for it where pthread_getattr_np fails, which it does not.
void *__libc_stack_end;
// libgcc's own, under a version that musl does not look at: no feature known.
struct {
  unsigned vendor, type, subtype, features[1];
} __cpu_model;
unsigned __cpu_features2[4];
int __cpu_indicator_init(void) { return 0; }

const char *gnu_get_libc_version(void) { return "none"; }

int fcntl64(int fd, int command, ...) {
  va_list list;
  va_start(list, command);
  void *argument = va_arg(list, void *);
  va_end(list);
  return fcntl(fd, command, argument);
}

unsigned arc4random(void) {
  unsigned value;
  while (getrandom(&value, sizeof value, 0) != sizeof value) {
  }
  return value;
}

unsigned long __isoc23_strtoul(const char *text, char **end, int base) {
  return strtoul(text, end, base);
}

size_t __strftime_l(char *to, size_t size, const char *format,
                    const struct tm *time, void *locale) {
  return strftime(to, size, format, time);
}

// Backtraces are printed at a crash only.
int backtrace(void **frames, int size) { return 0; }
char **backtrace_symbols(void *const *frames, int size) { return NULL; }

// OpenSSL and V8 do without contexts and memory protection keys.
static int refuse(void) {
  errno = ENOSYS;
  return -1;
}
int getcontext(void *context) { return refuse(); }
int setcontext(const void *context) { return refuse(); }
void makecontext(void *context, void (*run)(void), int count, ...) {}
int pkey_alloc(unsigned flags, unsigned rights) { return refuse(); }
int pkey_free(int key) { return refuse(); }
int pkey_get(int key) { return refuse(); }
int pkey_set(int key, unsigned rights) { return refuse(); }
int pkey_mprotect(void *from, size_t size, int rights, int key) {
  return refuse();
}

// Never called: numbers of 128 bits.
_Float128 strtof128(const char *text, char **end) { abort(); }
int strfromf128(char *to, size_t size, const char *format, _Float128 value) {
  abort();
}

int __register_atfork(void (*prepare)(void), void (*parent)(void),
                      void (*child)(void), void *library) {
  return pthread_atfork(prepare, parent, child);
}

// Destructors of a thread's objects, the last first.
struct destructor {
  void (*run)(void *);
  void *object;
  struct destructor *next;
};
static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void destroy(void *list) {
  for (struct destructor *next = list; next != NULL;) {
    struct destructor *now = next;
    next = now->next;
    now->run(now->object);
    free(now);
  }
}
static void make_key(void) { pthread_key_create(&key, destroy); }

int __cxa_thread_atexit_impl(void (*run)(void *), void *object, void *library) {
  pthread_once(&once, make_key);
  struct destructor *now = malloc(sizeof *now);
  if (now == NULL) return -1;
  *now = (struct destructor){run, object, pthread_getspecific(key)};
  return pthread_setspecific(key, now);
}

// Where the unwinder finds the frames of a function: without it no exception
// is caught.
struct search {
  ElfW(Addr) address;
  struct dl_find_object *found;
};

static int find_object(struct dl_phdr_info *info, size_t size, void *data) {
  struct search *search = data;
  const ElfW(Phdr) *frames = NULL, *code = NULL;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *header = &info->dlpi_phdr[i];
    ElfW(Addr) offset = search->address - info->dlpi_addr - header->p_vaddr;
    if (header->p_type == PT_LOAD && offset < header->p_memsz) code = header;
    if (header->p_type == PT_GNU_EH_FRAME) frames = header;
  }
  if (code == NULL || frames == NULL) return 0;
  ElfW(Addr) start = info->dlpi_addr + code->p_vaddr;
  memset(search->found, 0, sizeof *search->found);
  search->found->dlfo_map_start = (void *)start;
  search->found->dlfo_map_end = (void *)(start + code->p_memsz);
  search->found->dlfo_eh_frame = (void *)(info->dlpi_addr + frames->p_vaddr);
  return 1;
}

int _dl_find_object(void *address, struct dl_find_object *found) {
  struct search search = {(ElfW(Addr))address, found};
  return dl_iterate_phdr(find_object, &search) == 1 ? 0 : -1;
}
