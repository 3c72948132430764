/* The allocator of a process, for tests: counts, and fails when asked to. Linked before or preloaded over glibc's. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *block);

static long first, last; /* the allocations that fail: first <= number < last */
static long number;      /* of allocations since fail_allocations */
static long living;      /* blocks that have been allocated and not freed */

static long load(const long *from) { return __atomic_load_n(from, __ATOMIC_SEQ_CST); }
static void store(long *to, long value) { __atomic_store_n(to, value, __ATOMIC_SEQ_CST); }
static long add(long *to, long value) { return __atomic_add_fetch(to, value, __ATOMIC_SEQ_CST); }

/* Allocations are counted from 1 anew; those from `from` up to, not including, `to` fail. */
void fail_allocations(long from, long to) {
    store(&first, from);
    store(&last, to);
    store(&number, 0);
}

/* None fails any longer; how many there were. */
long end_allocations(void) {
    const long count = load(&number);
    store(&last, 0);
    return count;
}

long living_allocations(void) { return load(&living); }

static int fails(void) {
    const long now = add(&number, 1);
    if (now < load(&first) || now >= load(&last)) return 0;
    errno = ENOMEM;
    return 1;
}

static void *note(void *block) {
    if (block) add(&living, 1);
    return block;
}

void *malloc(size_t size) { return fails() ? NULL : note(__libc_malloc(size)); }
void *calloc(size_t count, size_t size) { return fails() ? NULL : note(__libc_calloc(count, size)); }
void *memalign(size_t alignment, size_t size) { return fails() ? NULL : note(__libc_memalign(alignment, size)); }
void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **block, size_t alignment, size_t size) {
    void *got = memalign(alignment, size);
    if (!got) return ENOMEM;
    *block = got;
    return 0;
}

void free(void *block) {
    if (block) add(&living, -1);
    __libc_free(block);
}

void *realloc(void *block, size_t size) {
    if (!block) return malloc(size);
    if (size == 0) {
        free(block);
        return NULL;
    }
    return fails() ? NULL : __libc_realloc(block, size);
}
