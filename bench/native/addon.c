/*
 * Two addons in one, through Node-API: `exchange` takes and returns objects;
 * `call` takes integers and leaves the events in memory that was bound before.
 */
#include <stdlib.h>
#include <string.h>

#define NAPI_VERSION 8
#include <node_api.h>

#include "calls.h"

#define KEYS 6
static const char *const names[KEYS] = {"ident", "filter", "flags",
                                        "fflags", "data",  "udata"};

static struct calls calls;
static const struct timespec zero;
static napi_ref keys;

static struct kevent *bound_changes;
static struct kevent *bound_events;

static napi_value fail(napi_env env, const char *what) {
  napi_throw_error(env, NULL, what);
  return NULL;
}

static napi_value number(napi_env env, int64_t value) {
  napi_value result = NULL;
  // The one for small integers is the faster one.
  if (value == (int32_t)value) {
    napi_create_int32(env, (int32_t)value, &result);
  } else {
    napi_create_int64(env, value, &result);
  }
  return result;
}

static int64_t integer(napi_env env, napi_value value) {
  int64_t result = 0;
  napi_get_value_int64(env, value, &result);
  return result;
}

/* open(path): the library to call, or the C library for an empty path. */
static napi_value open_library(napi_env env, napi_callback_info info) {
  napi_value argument;
  size_t count = 1;
  char path[4096];
  napi_get_cb_info(env, info, &count, &argument, NULL, NULL);
  napi_get_value_string_utf8(env, argument, path, sizeof path, NULL);
  if (!load_calls(path[0] == 0 ? NULL : path, &calls)) {
    return fail(env, "the library cannot be loaded");
  }
  return NULL;
}

static napi_value create(napi_env env, napi_callback_info info) {
  (void)info;
  return number(env, calls.kqueue());
}

/* bind(changes, events): ArrayBuffers that the caller keeps. */
static napi_value bind_memory(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  size_t count = 2;
  void *memory;
  size_t length;
  napi_get_cb_info(env, info, &count, arguments, NULL, NULL);
  napi_get_arraybuffer_info(env, arguments[0], &memory, &length);
  bound_changes = memory;
  napi_get_arraybuffer_info(env, arguments[1], &memory, &length);
  bound_events = memory;
  return NULL;
}

/* call(kq, nchanges, nevents): how many events there are now. */
static napi_value call(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  size_t count = 3;
  int32_t kq, nchanges, nevents;
  napi_get_cb_info(env, info, &count, arguments, NULL, NULL);
  if (napi_get_value_int32(env, arguments[0], &kq) != napi_ok ||
      napi_get_value_int32(env, arguments[1], &nchanges) != napi_ok ||
      napi_get_value_int32(env, arguments[2], &nevents) != napi_ok) {
    return fail(env, "an integer was expected");
  }
  int found = calls.kevent(kq, bound_changes, nchanges, bound_events, nevents,
                           &zero);
  napi_value result;
  napi_create_int32(env, found, &result);
  return result;
}

static void take_keys(napi_env env, napi_value *into) {
  napi_value array;
  napi_get_reference_value(env, keys, &array);
  for (int i = 0; i < KEYS; i++) napi_get_element(env, array, i, &into[i]);
}

/* exchange(kq, changes or null, nevents): an array of the events. */
static napi_value exchange(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  size_t count = 3;
  napi_get_cb_info(env, info, &count, arguments, NULL, NULL);
  int kq = integer(env, arguments[0]);
  int nevents = integer(env, arguments[2]);

  struct kevent few[64];
  napi_value key[KEYS];
  bool has_changes;
  uint32_t nchanges = 0;
  struct kevent *changes = NULL;
  napi_is_array(env, arguments[1], &has_changes);
  if (has_changes) {
    napi_get_array_length(env, arguments[1], &nchanges);
    changes = nchanges <= 64 ? few : malloc(nchanges * sizeof *changes);
    take_keys(env, key);
    for (uint32_t i = 0; i < nchanges; i++) {
      napi_handle_scope scope;
      napi_open_handle_scope(env, &scope);
      napi_value object, value;
      int64_t fields[KEYS];
      napi_get_element(env, arguments[1], i, &object);
      for (int k = 0; k < KEYS; k++) {
        napi_get_property(env, object, key[k], &value);
        fields[k] = integer(env, value);
      }
      changes[i] = (struct kevent){.ident = fields[0],
                                   .filter = fields[1],
                                   .flags = fields[2],
                                   .fflags = fields[3],
                                   .data = fields[4],
                                   .udata = (void *)(intptr_t)fields[5]};
      napi_close_handle_scope(env, scope);
    }
  }

  struct kevent some[64];
  struct kevent *events =
      nevents <= 64 ? some : malloc(nevents * sizeof *events);
  int found = calls.kevent(kq, changes, nchanges, events, nevents, &zero);
  if (changes != few) free(changes);
  napi_value result = NULL;
  if (found < 0) {
    fail(env, "kevent");
  } else {
    napi_create_array_with_length(env, found, &result);
    if (found > 0) take_keys(env, key);
    for (int i = 0; i < found; i++) {
      const struct kevent *event = &events[i];
      napi_handle_scope scope;
      napi_open_handle_scope(env, &scope);
      napi_value object;
      int64_t fields[KEYS] = {event->ident,  event->filter,
                              event->flags,  event->fflags,
                              event->data,   (intptr_t)event->udata};
      // Faster than setting them one by one.
      napi_property_descriptor properties[KEYS];
      for (int k = 0; k < KEYS; k++) {
        properties[k] = (napi_property_descriptor){
            .name = key[k],
            .value = number(env, fields[k]),
            .attributes = napi_default_jsproperty};
      }
      napi_create_object(env, &object);
      napi_define_properties(env, object, KEYS, properties);
      napi_set_element(env, result, i, object);
      napi_close_handle_scope(env, scope);
    }
  }
  if (events != some) free(events);
  return result;
}

NAPI_MODULE_INIT() {
  napi_value array, name;
  napi_create_array_with_length(env, KEYS, &array);
  for (int i = 0; i < KEYS; i++) {
    napi_create_string_utf8(env, names[i], NAPI_AUTO_LENGTH, &name);
    napi_set_element(env, array, i, name);
  }
  napi_create_reference(env, array, 1, &keys);
  const napi_property_descriptor properties[] = {
      {"open", 0, open_library, 0, 0, 0, napi_enumerable, 0},
      {"kqueue", 0, create, 0, 0, 0, napi_enumerable, 0},
      {"bind", 0, bind_memory, 0, 0, 0, napi_enumerable, 0},
      {"call", 0, call, 0, 0, 0, napi_enumerable, 0},
      {"exchange", 0, exchange, 0, 0, 0, napi_enumerable, 0},
  };
  napi_define_properties(env, exports, 5, properties);
  return exports;
}
