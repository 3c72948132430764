/* For wheels that are built on a newer glibc than they are for: pthreads by the version that they had before 2.34 moved
 * them from libpthread into libc, which has that one, too. The images of cibuildwheel have an old glibc instead. */
#if defined(__x86_64__)
__asm__(".symver pthread_create, pthread_create@GLIBC_2.2.5");
__asm__(".symver pthread_join, pthread_join@GLIBC_2.2.5");
#elif defined(__aarch64__)
__asm__(".symver pthread_create, pthread_create@GLIBC_2.17");
__asm__(".symver pthread_join, pthread_join@GLIBC_2.17");
#endif
