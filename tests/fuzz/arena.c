/* Slabs are mapped once and used again for every input: a system call for each would halve the speed. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define HAVE_ASAN 1
#endif
#if defined(HAVE_ASAN)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(start, size) ((void)(start), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(start, size) ((void)(start), (void)(size))
#endif

enum { MOST_REGIONS = 40 };

static region regions[MOST_REGIONS];
static int used;

static void *map(size_t size, int protection) {
    void *memory = mmap(NULL, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }
    return memory;
}

static void open_slab(region *r) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *whole = map(SLAB_BYTES + 2 * page, PROT_NONE);
    r->slab = whole + page;
    r->snapshot = map(SLAB_BYTES, PROT_READ | PROT_WRITE);
    if (mprotect(r->slab, SLAB_BYTES, PROT_READ | PROT_WRITE)) {
        perror("mprotect");
        exit(1);
    }
    ASAN_POISON_MEMORY_REGION(r->slab, SLAB_BYTES);
}

/* The bytes beside the end of a region that touches no guard page. */
static uint8_t *canaries_of(const region *r, size_t *n) {
    const size_t left = SLAB_BYTES - r->size;
    *n = left < CANARY_BYTES ? left : CANARY_BYTES;
    return r->start == r->slab ? r->start + r->size : r->start - *n;
}

region *arena_take(size_t size, int at_end) {
    region *r = regions + used;
    size_t n;
    uint8_t *canaries;
    if (used == MOST_REGIONS || size > SLAB_BYTES) {
        fprintf(stderr, "the fuzzer wants a region too many, or one too large\n");
        abort();
    }
    if (!r->slab) open_slab(r);
    used++;
    r->size = size;
    r->start = at_end ? r->slab + (SLAB_BYTES - size) : r->slab;
    ASAN_UNPOISON_MEMORY_REGION(r->start, size);
    canaries = canaries_of(r, &n);
#if !defined(HAVE_ASAN)
    memset(canaries, CANARY, n);
#endif
    (void)canaries;
    return r;
}

void arena_clear(void) {
    while (used > 0) {
        used--;
        ASAN_POISON_MEMORY_REGION(regions[used].start, regions[used].size);
    }
}

region *arena_find(uintptr_t low, uintptr_t high) {
    int i;
    for (i = 0; i < used; i++) {
        const uintptr_t start = (uintptr_t)regions[i].start;
        if (start <= low && low <= high && high <= start + regions[i].size) return regions + i;
    }
    return NULL;
}

void arena_remember(void) {
    int i;
    for (i = 0; i < used; i++) memcpy(regions[i].snapshot, regions[i].start, regions[i].size);
}

region *arena_changed(void) {
    int i;
    for (i = 0; i < used; i++) {
        if (memcmp(regions[i].snapshot, regions[i].start, regions[i].size)) return regions + i;
    }
    return NULL;
}

int arena_spilled(void) {
#if !defined(HAVE_ASAN)
    int i;
    for (i = 0; i < used; i++) {
        size_t n;
        const uint8_t *canaries = canaries_of(regions + i, &n);
        if (n && (*canaries != CANARY || memcmp(canaries, canaries + 1, n - 1))) return 1; /* all are as the first */
    }
#endif
    return 0;
}
