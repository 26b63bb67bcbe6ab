/* A disk that fails when it is told to, for one process: preloaded (LD_PRELOAD), it stands before the C library's calls.
 *
 * FAULT_PATH: files whose path holds this text fail. FAULT_SWITCH: a file of four bytes that the test writes: the errno
 * that writing, syncing and reading end with (0: they work), and 1 where a failing write first writes half, as a torn
 * one does. SQLite is the interpreter's own, unchanged: what it sees is what a kernel would tell it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

enum { WRITING, SYNCING, READING, TORN };
static volatile unsigned char *switches;

__attribute__((constructor)) static void begin(void) {
	const char *path = getenv("FAULT_SWITCH");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0) return;
	void *mapped = mmap(NULL, 4, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (mapped != MAP_FAILED) switches = mapped;
}

static int fails(int fd, int how) {
	char link[64], path[PATH_MAX];
	const char *sought = getenv("FAULT_PATH");
	if (!switches || !switches[how] || !sought) return 0;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, sizeof path - 1);
	if (n < 0) return 0;
	path[n] = 0;
	if (!strstr(path, sought)) return 0;
	errno = switches[how];
	return 1;
}

#define NEXT(type, name, ...) ((type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name))

#define PWRITE(name, offset) \
	ssize_t name(int fd, const void *bytes, size_t n, offset at) { \
		ssize_t (*next)(int, const void *, size_t, offset) = NEXT(ssize_t, #name, int, const void *, size_t, offset); \
		if (!fails(fd, WRITING)) return next(fd, bytes, n, at); \
		int why = errno; \
		if (switches[TORN]) next(fd, bytes, n / 2, at); \
		errno = why; \
		return -1; \
	}
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

ssize_t write(int fd, const void *bytes, size_t n) {
	if (fails(fd, WRITING)) return -1;
	return NEXT(ssize_t, "write", int, const void *, size_t)(fd, bytes, n);
}

#define PREAD(name, offset) \
	ssize_t name(int fd, void *bytes, size_t n, offset at) { \
		if (fails(fd, READING)) return -1; \
		return NEXT(ssize_t, #name, int, void *, size_t, offset)(fd, bytes, n, at); \
	}
PREAD(pread, off_t)
PREAD(pread64, off64_t)

#define SYNC(name) \
	int name(int fd) { \
		if (fails(fd, SYNCING)) return -1; \
		return NEXT(int, #name, int)(fd); \
	}
SYNC(fsync)
SYNC(fdatasync)
