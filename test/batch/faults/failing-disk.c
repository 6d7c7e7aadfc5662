/*
 * Lies between a process and its disk (LD_PRELOAD): the n-th write or sync of a file under one folder
 * fails, as it does on a disk that is full or broken. Told by a file of four numbers that is mapped:
 * which operation fails, whether all that follow fail too, the errno, and how many there were.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

struct orders {
  int at, on, error;
  atomic_int count;
};

static struct orders *orders;
static const char *folder;

__attribute__((constructor)) static void begin(void) {
  folder = getenv("FAILING_FOLDER");
  const char *path = getenv("FAILING_ORDERS");
  int file = path ? open(path, O_RDWR) : -1;
  if (file < 0 || !folder) return;
  void *mapped = mmap(0, sizeof *orders, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (mapped != MAP_FAILED) orders = mapped;
}

static int fails(int file) {
  char link[32], path[1024];
  if (!orders || orders->at == 0) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path);
  if (length < 0 || strncmp(path, folder, strlen(folder)) != 0) return 0;
  int place = atomic_fetch_add(&orders->count, 1) + 1;
  if (place != orders->at && !(orders->on && place > orders->at)) return 0;
  errno = orders->error;
  return 1;
}

#define BELOW(result, name, given, passed)                  \
  result name given {                                       \
    static result(*real) given;                             \
    if (!real) real = (result(*) given)dlsym(RTLD_NEXT, #name); \
    return fails(file) ? -1 : real passed;                  \
  }

BELOW(ssize_t, write, (int file, const void *bytes, size_t size), (file, bytes, size))
BELOW(ssize_t, pwrite, (int file, const void *bytes, size_t size, off_t at), (file, bytes, size, at))
BELOW(ssize_t, pwrite64, (int file, const void *bytes, size_t size, off64_t at), (file, bytes, size, at))
BELOW(ssize_t, writev, (int file, const struct iovec *parts, int count), (file, parts, count))
BELOW(ssize_t, pwritev, (int file, const struct iovec *parts, int count, off_t at), (file, parts, count, at))
BELOW(ssize_t, pwritev64, (int file, const struct iovec *parts, int count, off64_t at), (file, parts, count, at))
BELOW(int, ftruncate, (int file, off_t size), (file, size))
BELOW(int, ftruncate64, (int file, off64_t size), (file, size))
BELOW(int, fsync, (int file), (file))
BELOW(int, fdatasync, (int file), (file))
