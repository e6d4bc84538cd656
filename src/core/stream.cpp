#include "core/stream.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "core/check.h"

namespace r1 {

bool isa_supported(Isa isa) {
    __builtin_cpu_init();
    switch (isa) {
        case Isa::portable:
            return true;
        case Isa::avx2:
            return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
        case Isa::avx512:
            return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                   __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    }
    return false;
}

const char* name_of(Isa isa) {
    return isa == Isa::avx512 ? "avx512" : isa == Isa::avx2 ? "avx2" : "portable";
}

Isa parse_isa(const std::string& name) {
    for (Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {
        if (name != name_of(isa)) continue;
        check(isa_supported(isa), "this processor has no ", name, "; use portable or leave R1_ISA unset");
        return isa;
    }
    fail("unknown instruction set '", name, "'; it is one of portable, avx2, avx512");
}

Isa best_isa() {
    static const Isa best = [] {
        if (const char* name = std::getenv("R1_ISA"); name && *name) return parse_isa(name);
        return isa_supported(Isa::avx512) ? Isa::avx512
               : isa_supported(Isa::avx2) ? Isa::avx2
                                          : Isa::portable;
    }();
    return best;
}

struct ThreadPool::Impl {
    std::vector<std::thread> workers;
    std::atomic<uint64_t> generation{0};  // a new value starts the workers
    std::atomic<int> pending{0};          // workers that have not finished the current call
    std::atomic<int64_t> next{0};
    std::atomic<bool> stop{false};
    int64_t count = 0, grain = 1;
    const RangeFn* fn = nullptr;
    std::mutex mutex;
    std::condition_variable wake;
    std::exception_ptr error;

    void work() {
        try {
            for (;;) {
                const int64_t begin = next.fetch_add(grain, std::memory_order_relaxed);
                if (begin >= count) return;
                (*fn)(begin, std::min(begin + grain, count));
            }
        } catch (...) {
            next.store(count, std::memory_order_relaxed);
            std::lock_guard lock(mutex);
            if (!error) error = std::current_exception();
        }
    }

    void worker() {
        uint64_t seen = 0;
        for (;;) {
            uint64_t now = seen;
            for (int spin = 0; spin < 4000; ++spin) {
                now = generation.load(std::memory_order_acquire);
                if (now != seen) break;
                __builtin_ia32_pause();
            }
            if (now == seen) {
                std::unique_lock lock(mutex);
                wake.wait(lock, [&] { return generation.load(std::memory_order_acquire) != seen; });
                now = generation.load(std::memory_order_acquire);
            }
            seen = now;
            if (stop.load(std::memory_order_acquire)) return;
            work();
            pending.fetch_sub(1, std::memory_order_acq_rel);
        }
    }

    void start() {
        {
            std::lock_guard lock(mutex);
            generation.fetch_add(1, std::memory_order_acq_rel);
        }
        wake.notify_all();
    }
};

ThreadPool::ThreadPool(int threads) : impl_(std::make_unique<Impl>()) {
    if (threads <= 0) {
        cpu_set_t set;
        threads = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    }
    for (int i = 1; i < threads; ++i) impl_->workers.emplace_back([this] { impl_->worker(); });
}

ThreadPool::~ThreadPool() {
    impl_->stop.store(true, std::memory_order_release);
    impl_->start();
    for (auto& worker : impl_->workers) worker.join();
}

int ThreadPool::size() const {
    return static_cast<int>(impl_->workers.size()) + 1;
}

void ThreadPool::parallel(int64_t count, int64_t grain, RangeFn fn) {
    if (count <= 0) return;
    grain = std::max<int64_t>(grain, 1);
    if (impl_->workers.empty() || count <= grain) {
        for (int64_t begin = 0; begin < count; begin += grain) fn(begin, std::min(begin + grain, count));
        return;
    }
    Impl& pool = *impl_;
    pool.count = count;
    pool.grain = grain;
    pool.fn = &fn;
    pool.next.store(0, std::memory_order_relaxed);
    pool.pending.store(static_cast<int>(pool.workers.size()), std::memory_order_release);
    pool.start();
    pool.work();
    for (int spin = 0; pool.pending.load(std::memory_order_acquire) != 0; ++spin) {
        if (spin < 20000) {
            __builtin_ia32_pause();
        } else {
            std::this_thread::yield();
        }
    }
    if (pool.error) std::rethrow_exception(std::exchange(pool.error, nullptr));
}

}  // namespace r1
