#include "core/stream.h"

#include <sched.h>
#include <xmmintrin.h>

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

namespace {

// Subnormal numbers count as zero while ops run, in every thread alike: decayed optimiser moments would else
// stay subnormal for ever, and each costs the processor a hundred cycles.
class FlushSubnormals {
  public:
    FlushSubnormals() : saved_(_mm_getcsr()) { _mm_setcsr(saved_ | flush_to_zero | denormals_are_zero); }
    ~FlushSubnormals() { _mm_setcsr(saved_); }
    FlushSubnormals(const FlushSubnormals&) = delete;
    FlushSubnormals& operator=(const FlushSubnormals&) = delete;

  private:
    static constexpr unsigned flush_to_zero = 0x8000, denormals_are_zero = 0x0040;
    unsigned saved_;
};

}  // namespace

// A call publishes its pieces in `unclaimed`; whoever lowers that number owns a piece, and the call ends when
// all pieces are done. A worker that comes late finds nothing to claim, so nobody waits for it.
struct ThreadPool::Impl {
    std::vector<std::thread> workers;
    std::atomic<int64_t> unclaimed{0};
    std::atomic<int64_t> unfinished{0};
    std::atomic<bool> stop{false};
    int64_t count = 0, grain = 1, pieces = 0;  // of the call; stable while a piece is unfinished
    const RangeFn* fn = nullptr;
    std::mutex mutex;
    std::condition_variable wake;
    std::exception_ptr error;

    bool has_work() const {
        return unclaimed.load(std::memory_order_acquire) > 0 || stop.load(std::memory_order_acquire);
    }

    void work() {
        int64_t left = unclaimed.load(std::memory_order_acquire);
        while (left > 0) {
            if (!unclaimed.compare_exchange_weak(left, left - 1, std::memory_order_acq_rel,
                                                 std::memory_order_acquire))
                continue;
            const int64_t begin = (pieces - left) * grain;
            int64_t finished = 1;
            try {
                (*fn)(begin, std::min(begin + grain, count));
            } catch (...) {
                finished += unclaimed.exchange(0, std::memory_order_acq_rel);
                std::lock_guard lock(mutex);
                if (!error) error = std::current_exception();
            }
            unfinished.fetch_sub(finished, std::memory_order_acq_rel);
            left = unclaimed.load(std::memory_order_acquire);
        }
    }

    void worker() {
        const FlushSubnormals scope;
        while (!stop.load(std::memory_order_acquire)) {
            for (int spin = 0; spin < 4000 && !has_work(); ++spin) __builtin_ia32_pause();
            if (!has_work()) {
                std::unique_lock lock(mutex);
                wake.wait(lock, [&] { return has_work(); });
            }
            work();
        }
    }

    void wake_workers() {
        { std::lock_guard lock(mutex); }  // a worker is either before its check or asleep
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
    impl_->wake_workers();
    for (auto& worker : impl_->workers) worker.join();
}

int ThreadPool::size() const {
    return static_cast<int>(impl_->workers.size()) + 1;
}

void ThreadPool::parallel(int64_t count, int64_t grain, RangeFn fn) {
    if (count <= 0) return;
    grain = std::max<int64_t>(grain, 1);
    const FlushSubnormals scope;
    if (impl_->workers.empty() || count <= grain) {
        for (int64_t begin = 0; begin < count; begin += grain) fn(begin, std::min(begin + grain, count));
        return;
    }
    Impl& pool = *impl_;
    pool.count = count;
    pool.grain = grain;
    pool.pieces = (count + grain - 1) / grain;
    pool.fn = &fn;
    pool.unfinished.store(pool.pieces, std::memory_order_relaxed);
    pool.unclaimed.store(pool.pieces, std::memory_order_release);
    pool.wake_workers();
    pool.work();
    for (int spin = 0; pool.unfinished.load(std::memory_order_acquire) != 0; ++spin) {
        if (spin < 20000) {
            __builtin_ia32_pause();
        } else {
            std::this_thread::yield();
        }
    }
    if (pool.error) std::rethrow_exception(std::exchange(pool.error, nullptr));
}

void upload(Stream& stream, TensorView to, const void* from) {
    if (stream.on_cuda()) return stream.cuda->upload(to.data, from, to.bytes());
    copy_bytes(Device::cpu, to.data, from, to.bytes());
}

void download(Stream& stream, void* to, ConstTensorView from) {
    if (stream.on_cuda()) return stream.cuda->download(to, from.data, from.bytes());
    copy_bytes(Device::cpu, to, from.data, from.bytes());
}

void zero(Stream& stream, TensorView to) {
    if (stream.on_cuda()) return stream.cuda->zero(to.data, to.bytes());
    zero_bytes(Device::cpu, to.data, to.bytes());
}

Runtime::Runtime(int threads, Device device) : pool_(threads) {
    if (device == Device::cuda) cuda_ = std::make_unique<CudaStream>();
    stream_.pool = &pool_;
    stream_.device = device;
    stream_.cuda = cuda_.get();
}

}  // namespace r1
