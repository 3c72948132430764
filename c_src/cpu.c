/* cpu.c: which instruction sets the build contains and the CPU can run, and the choice between them. */
#include "internal.h"

#if (defined(__x86_64__) || defined(__i386__)) && defined(__GNUC__)
#define HAVE_CPUID 1
#include <cpuid.h>
#else
#define HAVE_CPUID 0
#endif

#if HAVE_CPUID
/* Which vector registers the operating system saves: XCR0. */
static uint64_t saved_state(void) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return ((uint64_t)high << 32) | low;
}

/* cpuid rather than __builtin_cpu_supports: that is a constant 0 in some compilers' run-time libraries. */
static int32_t detect(void) {
    const uint32_t fma = 1u << 12, osxsave = 1u << 27, avx = 1u << 28;
    const uint32_t movbe = 1u << 22, popcnt = 1u << 23, f16c = 1u << 29;
    const uint32_t wanted1 = fma | osxsave | avx | movbe | popcnt | f16c;
    const uint32_t bmi1_avx2_bmi2 = (1u << 3) | (1u << 5) | (1u << 8);
    const uint32_t avx512_f_dq_cd_bw_vl = (1u << 16) | (1u << 17) | (1u << 28) | (1u << 30) | (1u << 31);
    uint32_t a, b, c, d;
    int32_t found = 0;
    uint64_t saved;
    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & wanted1) != wanted1) return 0;
    saved = saved_state();
    if (!__get_cpuid(0x80000001u, &a, &b, &c, &d) || !(c & (1u << 5))) return 0; /* lzcnt */
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
    if ((saved & 0x6u) == 0x6u && (b & bmi1_avx2_bmi2) == bmi1_avx2_bmi2) found |= KERNEL_NEEDS_AVX2;
    if ((saved & 0xe6u) == 0xe6u && (b & avx512_f_dq_cd_bw_vl) == avx512_f_dq_cd_bw_vl) found |= KERNEL_NEEDS_AVX512;
    return found;
}
#else
static int32_t detect(void) {
    return 0;
}
#endif

/* Detected once: cpuid traps in virtual machines. Two threads may both detect; they store the same value. */
static int32_t features(void) {
    static int32_t known = -1;
    int32_t value;
#if defined(__GNUC__)
    value = __atomic_load_n(&known, __ATOMIC_RELAXED);
    if (value < 0) {
        value = detect();
        __atomic_store_n(&known, value, __ATOMIC_RELAXED);
    }
#else
    value = known;
    if (value < 0) known = value = detect();
#endif
    return value;
}

static const kernels *compiled(pyce_isa isa) {
    switch (isa) {
    case PYCE_ISA_BASELINE: return &pyce_kernels_baseline;
#if defined(PYCE_HAVE_AVX2)
    case PYCE_ISA_AVX2: return &pyce_kernels_avx2;
#endif
#if defined(PYCE_HAVE_AVX512)
    case PYCE_ISA_AVX512: return &pyce_kernels_avx512;
#endif
    default: return NULL;
    }
}

static const kernels *usable(pyce_isa isa) {
    const kernels *table = compiled(isa);
    /* The baseline is what the compiler was told to assume of every CPU. */
    if (table && table != &pyce_kernels_baseline && (table->needs & ~features())) return NULL;
    return table;
}

const kernels *pyce_kernels_for(pyce_isa isa) {
    return usable(isa == PYCE_ISA_AUTO ? pyce_isa_default() : isa);
}

int32_t pyce_isa_compiled(pyce_isa isa) {
    return compiled(isa) != NULL;
}

int32_t pyce_isa_available(pyce_isa isa) {
    return usable(isa) != NULL;
}

pyce_isa pyce_isa_default(void) {
    if (usable(PYCE_ISA_AVX512)) return PYCE_ISA_AVX512;
    if (usable(PYCE_ISA_AVX2)) return PYCE_ISA_AVX2;
    return PYCE_ISA_BASELINE;
}
