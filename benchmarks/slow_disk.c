/* A disk that takes a millisecond more to sync, for whatever is started with this in LD_PRELOAD. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

static int late(const char *name, int descriptor)
{
	struct timespec more = { 0, 1000000 };
	int (*sync_)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);

	nanosleep(&more, NULL);
	return sync_(descriptor);
}

int fsync(int descriptor) { return late("fsync", descriptor); }
int fdatasync(int descriptor) { return late("fdatasync", descriptor); }
