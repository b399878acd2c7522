/* What stands between a process and its disk, loaded with LD_PRELOAD: it writes down what the process asks of the folder that it
 * watches, and lets chosen calls fail. The idea of a trace that crash states are made of is that of ALICE (Pillai et al., OSDI 2014)
 * and CrashMonkey (Mohan et al., OSDI 2018).
 *
 * A record of the trace, little-endian:  op:u8 ino:u64 at:u64 len_a:u32 len_b:u32 a[len_a] b[len_b]
 *
 * The watched process is one test of the indexer; it drives this library through the functions `shim_*`. Calls about other
 * files pass untouched. Clock and random numbers are made the same in each run, so that a trace can be had again. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* Operations; `trace.rs` has the same list. */
enum { CREATE = 1, MKDIR, WRITE, TRUNCATE, SYNC, SYNC_FAILED, RENAME, UNLINK, LINK, MARK, UNKNOWN };
/* Kinds of calls that can fail, as bits; `shim.rs` has the same list. */
enum {
    F_WRITE = 1, F_SYNC = 2, F_RENAME = 4, F_OPEN = 8, F_CREATE = 16, F_MKDIR = 32, F_UNLINK = 64, F_TRUNCATE = 128, F_MAP = 256,
    F_LINK = 512, F_SOURCE_OPEN = 1024, F_SOURCE_READ = 2048
};
#define N_KINDS 12
/* In the place of an error number: the first half is written, and that is no error. */
#define SHORT_WRITE (-1)
/* The first half is written, and there is no room for more. */
#define SHORT_THEN_FULL (-2)


enum { ELSEWHERE, DATA, SOURCE };
#define MAX_FDS 4096
static struct { uint8_t where; uint8_t is_shm; uint64_t ino; } fds[MAX_FDS];

static pthread_mutex_t mutex;
static char root[PATH_MAX], sources[PATH_MAX];
static int trace_fd = -1;
static uint8_t *buffer;
static size_t buffered, capacity;
static __thread int exempt;

static uint64_t counts[N_KINDS], n_armed, n_hits;
static uint64_t fail_kinds, fail_at;
static int fail_with, fail_until_lifted;

static int has_clock;
static int64_t clock_us;
static uint64_t random_state;

__attribute__((constructor)) static void begin(void) {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&mutex, &attributes);
    const char *seed = getenv("TRAWL_SHIM_SEED");
    if (seed) {
        has_clock = 1;
        /* 2021-06-01: earlier than any file, so that nothing has an age but what is given one. */
        clock_us = INT64_C(1622505600000000);
        random_state = strtoull(seed, NULL, 10) * 2 + 1;
    }
}

static void lock(void) { pthread_mutex_lock(&mutex); }

static void unlock(void) {
    int error = errno;
    pthread_mutex_unlock(&mutex);
    errno = error;
}

/* ---- what the test asks for */

static void flush(void) {
    size_t done = 0;
    while (trace_fd >= 0 && done < buffered) {
        long n = syscall(SYS_write, trace_fd, buffer + done, buffered - done);
        if (n <= 0) abort();
        done += n;
    }
    buffered = 0;
}

static void put(const void *bytes, size_t len) {
    if (buffered + len > capacity) {
        capacity = (buffered + len) * 2 + (1 << 16);
        buffer = realloc(buffer, capacity);
        if (!buffer) abort();
    }
    memcpy(buffer + buffered, bytes, len);
    buffered += len;
}

static void record(uint8_t op, uint64_t ino, uint64_t at, const void *a, size_t len_a, const void *b, size_t len_b) {
    if (trace_fd < 0) return;
    uint32_t lens[2] = {len_a, len_b};
    put(&op, 1);
    put(&ino, 8);
    put(&at, 8);
    put(lens, 8);
    put(a, len_a);
    put(b, len_b);
    if (buffered > (1 << 20)) flush();
}

/* The folders to watch: everything in `data` is traced and can fail, reading in `source` can fail. */
void shim_watch(const char *data, const char *source) {
    lock();
    snprintf(root, sizeof root, "%s", data);
    snprintf(sources, sizeof sources, "%s", source);
    unlock();
}

/* Begins a trace in a new file; with NULL, ends the one that there is. */
void shim_trace(const char *path) {
    lock();
    flush();
    if (trace_fd >= 0) syscall(SYS_close, trace_fd);
    trace_fd = path ? syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
    unlock();
}

void shim_mark(uint64_t number) {
    lock();
    record(MARK, number, 0, "", 0, "", 0);
    unlock();
}

/* Lets the `at`-th call of `kinds` (from 1) fail, alone or with all that follow. Counts begin anew. */
void shim_fail(uint64_t kinds, uint64_t at, int error, int until_lifted) {
    lock();
    fail_kinds = kinds;
    fail_at = at;
    fail_with = error;
    fail_until_lifted = until_lifted;
    n_armed = n_hits = 0;
    memset(counts, 0, sizeof counts);
    unlock();
}

/* No more call fails. */
void shim_lift(void) {
    lock();
    fail_kinds = 0;
    unlock();
}

/* How many calls have failed. */
uint64_t shim_hits(void) { return n_hits; }

uint64_t shim_count(int kind) { return counts[kind]; }

/* The calling thread is another process, so to speak: none of its calls fails or counts. */
void shim_exempt(int is_exempt) { exempt = is_exempt; }

void shim_advance(int64_t us) {
    lock();
    clock_us += us;
    unlock();
}

/* ---- where a call goes to */

static int is_below(const char *path, const char *folder) {
    size_t len = strlen(folder);
    return len && !strncmp(path, folder, len) && (path[len] == '/' || !path[len]);
}

static int place_of(const char *path) { return is_below(path, root) ? DATA : is_below(path, sources) ? SOURCE : ELSEWHERE; }

/* The absolute path that a call is about; `path` itself where that is what it is. */
static const char *resolve(int dir, const char *path, char *out) {
    if (path[0] == '/' || dir == AT_FDCWD) return path;
    char link[64], base[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
    long n = syscall(SYS_readlinkat, AT_FDCWD, link, base, sizeof base - 1);
    if (n < 0) return path;
    base[n] = 0;
    if (snprintf(out, PATH_MAX, "%s/%s", base, path) >= PATH_MAX) abort();
    return out;
}

static uint64_t ino_of(const char *path) {
    struct stat stat;
    return syscall(SYS_newfstatat, AT_FDCWD, path, &stat, AT_SYMLINK_NOFOLLOW) ? 0 : stat.st_ino;
}

static int is_shm(const char *path) {
    size_t len = strlen(path);
    return len > 4 && !strcmp(path + len - 4, "-shm");
}

static int where(int fd) { return fd >= 0 && fd < MAX_FDS ? fds[fd].where : ELSEWHERE; }

/* A file in the folder whose contents are durable state. */
static int is_watched(int fd) { return where(fd) == DATA && !fds[fd].is_shm; }

/* Whether this call is to fail; `errno` says how. */
static int fails(uint64_t kind) {
    if (exempt) return 0;
    counts[__builtin_ctzll(kind)]++;
    if (!(fail_kinds & kind)) return 0;
    n_armed++;
    if (fail_until_lifted ? n_armed < fail_at : n_armed != fail_at) return 0;
    n_hits++;
    errno = fail_with == SHORT_THEN_FULL ? ENOSPC : fail_with;
    return 1;
}

/* ---- opening and closing */

static int opened(int dir, const char *name, int flags, mode_t mode) {
    char joined[PATH_MAX];
    const char *path = resolve(dir, name, joined);
    /* The seed of SQLite's random numbers. */
    if (has_clock && !strcmp(path, "/dev/urandom")) return syscall(SYS_openat, AT_FDCWD, "/dev/zero", flags, mode);
    int place = place_of(path);
    lock();
    if (place == ELSEWHERE) {
        int fd = syscall(SYS_openat, dir, name, flags, mode);
        /* Not every close is seen: closedir does it by itself. */
        if (fd >= 0 && fd < MAX_FDS) fds[fd].where = ELSEWHERE;
        unlock();
        return fd;
    }
    uint64_t before = place == DATA ? ino_of(path) : 0;
    int creates = place == DATA && (flags & O_CREAT) && !before;
    int fd = -1;
    if (!fails(place == SOURCE ? F_SOURCE_OPEN : creates ? F_CREATE : F_OPEN)) {
        fd = syscall(SYS_openat, dir, name, flags, mode);
    }
    if (fd >= 0) {
        if (fd >= MAX_FDS) abort();
        struct stat stat;
        if (syscall(SYS_fstat, fd, &stat)) abort();
        fds[fd].where = place;
        fds[fd].is_shm = is_shm(path);
        fds[fd].ino = stat.st_ino;
        if (place == DATA && !fds[fd].is_shm) {
            if (creates) record(CREATE, stat.st_ino, 0, path, strlen(path), "", 0);
            else if (flags & O_TRUNC) record(TRUNCATE, stat.st_ino, 0, "", 0, "", 0);
        }
    }
    unlock();
    return fd;
}

#define OPEN(name)                                                                                                              \
    int name(const char *path, int flags, ...) {                                                                                \
        va_list rest;                                                                                                           \
        va_start(rest, flags);                                                                                                  \
        mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, mode_t) : 0;                                               \
        va_end(rest);                                                                                                           \
        return opened(AT_FDCWD, path, flags, mode);                                                                             \
    }
#define OPENAT(name)                                                                                                            \
    int name(int dir, const char *path, int flags, ...) {                                                                       \
        va_list rest;                                                                                                           \
        va_start(rest, flags);                                                                                                  \
        mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, mode_t) : 0;                                               \
        va_end(rest);                                                                                                           \
        return opened(dir, path, flags, mode);                                                                                  \
    }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)
int __open_2(const char *path, int flags) { return opened(AT_FDCWD, path, flags, 0); }
int __open64_2(const char *path, int flags) { return opened(AT_FDCWD, path, flags, 0); }
int creat(const char *path, mode_t mode) { return opened(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return opened(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

int close(int fd) {
    lock();
    if (fd >= 0 && fd < MAX_FDS) fds[fd].where = ELSEWHERE;
    int result = syscall(SYS_close, fd);
    unlock();
    return result;
}

static int copied(int from, int to) {
    if (to >= 0 && to < MAX_FDS && from >= 0 && from < MAX_FDS) fds[to] = fds[from];
    else if (where(from)) abort();
    return to;
}

int dup(int fd) { return copied(fd, syscall(SYS_dup, fd)); }
int dup2(int fd, int to) { return fd == to ? fd : copied(fd, syscall(SYS_dup3, fd, to, 0)); }
int dup3(int fd, int to, int flags) { return copied(fd, syscall(SYS_dup3, fd, to, flags)); }

#define FCNTL(name)                                                                                                             \
    int name(int fd, int command, ...) {                                                                                        \
        va_list rest;                                                                                                           \
        va_start(rest, command);                                                                                                \
        void *argument = va_arg(rest, void *);                                                                                  \
        va_end(rest);                                                                                                           \
        int result = syscall(SYS_fcntl, fd, command, argument);                                                                 \
        return command == F_DUPFD || command == F_DUPFD_CLOEXEC ? copied(fd, result) : result;                                  \
    }
FCNTL(fcntl)
FCNTL(fcntl64)

/* ---- contents */

static ssize_t written(int fd, const void *bytes, size_t len, off_t at, int at_position) {
    if (!is_watched(fd)) return at_position ? syscall(SYS_write, fd, bytes, len) : syscall(SYS_pwrite64, fd, bytes, len, at);
    lock();
    ssize_t result = -1;
    if (fails(F_WRITE)) {
        int is_short = fail_with == SHORT_WRITE || (fail_with == SHORT_THEN_FULL && n_hits == 1);
        len = is_short && len > 1 ? len / 2 : 0;
    }
    if (len) {
        if (at_position) {
            int flags = syscall(SYS_fcntl, fd, F_GETFL);
            at = syscall(SYS_lseek, fd, 0, flags & O_APPEND ? SEEK_END : SEEK_CUR);
            result = syscall(SYS_write, fd, bytes, len);
        } else {
            result = syscall(SYS_pwrite64, fd, bytes, len, at);
        }
        if (result > 0) record(WRITE, fds[fd].ino, at, bytes, result, "", 0);
    }
    unlock();
    return result;
}

ssize_t write(int fd, const void *bytes, size_t len) { return written(fd, bytes, len, 0, 1); }
ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at) { return written(fd, bytes, len, at, 0); }
ssize_t pwrite64(int fd, const void *bytes, size_t len, off_t at) { return written(fd, bytes, len, at, 0); }

static ssize_t gathered(int fd, const struct iovec *parts, int n_parts, off_t at, int at_position) {
    ssize_t total = 0;
    for (int part = 0; part < n_parts; part++) {
        if (!parts[part].iov_len) continue;
        ssize_t n = written(fd, parts[part].iov_base, parts[part].iov_len, at + total, at_position);
        if (n < 0) return total ? total : n;
        total += n;
        if ((size_t)n < parts[part].iov_len) break;
    }
    return total;
}

ssize_t writev(int fd, const struct iovec *parts, int n_parts) {
    return is_watched(fd) ? gathered(fd, parts, n_parts, 0, 1) : syscall(SYS_writev, fd, parts, n_parts);
}
ssize_t pwritev(int fd, const struct iovec *parts, int n_parts, off_t at) { return gathered(fd, parts, n_parts, at, 0); }
ssize_t pwritev64(int fd, const struct iovec *parts, int n_parts, off_t at) { return gathered(fd, parts, n_parts, at, 0); }

static int truncated(int fd, off_t len) {
    if (!is_watched(fd)) return syscall(SYS_ftruncate, fd, len);
    lock();
    int result = fails(F_TRUNCATE) ? -1 : syscall(SYS_ftruncate, fd, len);
    if (!result) record(TRUNCATE, fds[fd].ino, len, "", 0, "", 0);
    unlock();
    return result;
}

int ftruncate(int fd, off_t len) { return truncated(fd, len); }
int ftruncate64(int fd, off_t len) { return truncated(fd, len); }

static int synced(int fd, long call) {
    if (!is_watched(fd)) return syscall(call, fd);
    lock();
    /* The folder lies in memory: nothing is gained by asking the kernel. */
    int result = fails(F_SYNC) ? -1 : 0;
    /* Interrupted, it has neither succeeded nor failed, and may be called again. */
    if (!result || errno != EINTR) record(result ? SYNC_FAILED : SYNC, fds[fd].ino, 0, "", 0, "", 0);
    unlock();
    return result;
}

int fsync(int fd) { return synced(fd, SYS_fsync); }
int fdatasync(int fd) { return synced(fd, SYS_fdatasync); }

/* What no replay knows of; a trace that has one of these is refused. */
static void unknown(const char *what) {
    lock();
    record(UNKNOWN, 0, 0, what, strlen(what), "", 0);
    unlock();
}

#define UNKNOWN_CALL(result, name, watched, call, parameters)                                                                   \
    result name parameters {                                                                                                    \
        if (watched) unknown(#name);                                                                                            \
        return call;                                                                                                            \
    }
UNKNOWN_CALL(int, truncate, place_of(path) == DATA, syscall(SYS_truncate, path, len), (const char *path, off_t len))
UNKNOWN_CALL(int, truncate64, place_of(path) == DATA, syscall(SYS_truncate, path, len), (const char *path, off_t len))
UNKNOWN_CALL(int, sync_file_range, is_watched(fd), syscall(SYS_sync_file_range, fd, at, len, flags),
             (int fd, off64_t at, off64_t len, unsigned flags))
UNKNOWN_CALL(int, fallocate, is_watched(fd), syscall(SYS_fallocate, fd, mode, at, len), (int fd, int mode, off_t at, off_t len))
UNKNOWN_CALL(int, fallocate64, is_watched(fd), syscall(SYS_fallocate, fd, mode, at, len), (int fd, int mode, off_t at, off_t len))
UNKNOWN_CALL(int, posix_fallocate, is_watched(fd), syscall(SYS_fallocate, fd, 0, at, len) ? errno : 0, (int fd, off_t at, off_t len))
UNKNOWN_CALL(int, posix_fallocate64, is_watched(fd), syscall(SYS_fallocate, fd, 0, at, len) ? errno : 0, (int fd, off_t at, off_t len))
UNKNOWN_CALL(ssize_t, copy_file_range, is_watched(to), syscall(SYS_copy_file_range, from, from_at, to, to_at, len, flags),
             (int from, off64_t *from_at, int to, off64_t *to_at, size_t len, unsigned flags))
UNKNOWN_CALL(ssize_t, sendfile, is_watched(to), syscall(SYS_sendfile, to, from, at, len), (int to, int from, off_t *at, size_t len))
UNKNOWN_CALL(ssize_t, sendfile64, is_watched(to), syscall(SYS_sendfile, to, from, at, len), (int to, int from, off_t *at, size_t len))
UNKNOWN_CALL(int, symlink, place_of(path) == DATA, syscall(SYS_symlinkat, target, AT_FDCWD, path), (const char *target, const char *path))

static void *mapped(void *address, size_t len, int protection, int flags, int fd, off_t at) {
    if (is_watched(fd)) {
        if ((protection & PROT_WRITE) && (flags & MAP_TYPE) != MAP_PRIVATE) unknown("mmap");
        lock();
        int is_failed = fails(F_MAP);
        unlock();
        if (is_failed) return MAP_FAILED;
    }
    return (void *)syscall(SYS_mmap, address, len, protection, flags, fd, at);
}

void *mmap(void *address, size_t len, int protection, int flags, int fd, off_t at) {
    return mapped(address, len, protection, flags, fd, at);
}
void *mmap64(void *address, size_t len, int protection, int flags, int fd, off_t at) {
    return mapped(address, len, protection, flags, fd, at);
}

/* ---- names */

static int renamed(int from_dir, const char *from, int to_dir, const char *to, unsigned flags) {
    char from_joined[PATH_MAX], to_joined[PATH_MAX];
    const char *old = resolve(from_dir, from, from_joined), *new = resolve(to_dir, to, to_joined);
    int n_inside = (place_of(old) == DATA) + (place_of(new) == DATA);
    if (!n_inside) return syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
    if (n_inside == 1 || flags) unknown("rename");
    lock();
    int result = fails(F_RENAME) ? -1 : syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
    if (!result) record(RENAME, 0, 0, old, strlen(old), new, strlen(new));
    unlock();
    return result;
}

int rename(const char *from, const char *to) { return renamed(AT_FDCWD, from, AT_FDCWD, to, 0); }
int renameat(int from_dir, const char *from, int to_dir, const char *to) { return renamed(from_dir, from, to_dir, to, 0); }
int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags) {
    return renamed(from_dir, from, to_dir, to, flags);
}

static int unlinked(int dir, const char *name, int flags) {
    char joined[PATH_MAX];
    const char *path = resolve(dir, name, joined);
    if (place_of(path) != DATA) return syscall(SYS_unlinkat, dir, name, flags);
    lock();
    int result = fails(F_UNLINK) ? -1 : syscall(SYS_unlinkat, dir, name, flags);
    if (!result && !is_shm(path)) record(UNLINK, 0, 0, path, strlen(path), "", 0);
    unlock();
    return result;
}

int unlink(const char *path) { return unlinked(AT_FDCWD, path, 0); }
int unlinkat(int dir, const char *path, int flags) { return unlinked(dir, path, flags); }
int rmdir(const char *path) { return unlinked(AT_FDCWD, path, AT_REMOVEDIR); }
int remove(const char *path) {
    int result = unlinked(AT_FDCWD, path, 0);
    return result && errno == EISDIR ? rmdir(path) : result;
}

static int made(int dir, const char *name, mode_t mode) {
    char joined[PATH_MAX];
    const char *path = resolve(dir, name, joined);
    if (place_of(path) != DATA) return syscall(SYS_mkdirat, dir, name, mode);
    lock();
    int result = fails(F_MKDIR) ? -1 : syscall(SYS_mkdirat, dir, name, mode);
    if (!result) record(MKDIR, ino_of(path), 0, path, strlen(path), "", 0);
    unlock();
    return result;
}

int mkdir(const char *path, mode_t mode) { return made(AT_FDCWD, path, mode); }
int mkdirat(int dir, const char *path, mode_t mode) { return made(dir, path, mode); }

static int linked(int from_dir, const char *from, int to_dir, const char *to, int flags) {
    char joined[PATH_MAX];
    const char *path = resolve(to_dir, to, joined);
    if (place_of(path) != DATA) return syscall(SYS_linkat, from_dir, from, to_dir, to, flags);
    lock();
    int result = fails(F_LINK) ? -1 : syscall(SYS_linkat, from_dir, from, to_dir, to, flags);
    if (!result) record(LINK, ino_of(path), 0, path, strlen(path), "", 0);
    unlock();
    return result;
}

int link(const char *from, const char *to) { return linked(AT_FDCWD, from, AT_FDCWD, to, 0); }
int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags) {
    return linked(from_dir, from, to_dir, to, flags);
}

/* ---- reading sources */

static int cannot_read(int fd) {
    if (where(fd) != SOURCE) return 0;
    lock();
    int is_failed = fails(F_SOURCE_READ);
    unlock();
    return is_failed;
}

ssize_t read(int fd, void *bytes, size_t len) { return cannot_read(fd) ? -1 : syscall(SYS_read, fd, bytes, len); }
ssize_t pread(int fd, void *bytes, size_t len, off_t at) { return cannot_read(fd) ? -1 : syscall(SYS_pread64, fd, bytes, len, at); }
ssize_t pread64(int fd, void *bytes, size_t len, off_t at) {
    return cannot_read(fd) ? -1 : syscall(SYS_pread64, fd, bytes, len, at);
}

/* ---- clock and random numbers */

int clock_gettime(clockid_t clock, struct timespec *time) {
    if (!has_clock || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)) return syscall(SYS_clock_gettime, clock, time);
    int64_t now = __atomic_add_fetch(&clock_us, 1000, __ATOMIC_RELAXED);
    time->tv_sec = now / 1000000;
    time->tv_nsec = now % 1000000 * 1000;
    return 0;
}

int gettimeofday(struct timeval *time, void *zone) {
    (void)zone;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    time->tv_sec = now.tv_sec;
    time->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}

ssize_t getrandom(void *bytes, size_t len, unsigned flags) {
    if (!has_clock) return syscall(SYS_getrandom, bytes, len, flags);
    lock();
    for (size_t at = 0; at < len; at++) {
        random_state ^= random_state << 13;
        random_state ^= random_state >> 7;
        random_state ^= random_state << 17;
        ((uint8_t *)bytes)[at] = random_state >> 32;
    }
    unlock();
    return len;
}
