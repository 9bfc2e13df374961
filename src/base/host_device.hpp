// Functions that host and device share: CROSSDOCK_HD is `__host__ __device__` under nvcc and empty elsewhere.
#pragma once

#if defined(__CUDACC__)
#define CROSSDOCK_HD __host__ __device__
#else
#define CROSSDOCK_HD
#endif
