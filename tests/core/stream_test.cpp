#include "core/stream.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

#include "core/check.h"

namespace r1 {
namespace {

TEST(ThreadPool, EveryItemOnce) {
    for (const int threads : {1, 2, 4, 7}) {
        ThreadPool pool(threads);
        EXPECT_EQ(pool.size(), threads);
        for (const int64_t count : {0, 1, 2, 31, 32, 33, 1000}) {
            for (const int64_t grain : {-1, 1, 7, 5000}) {
                std::vector<int> hits(static_cast<size_t>(count), 0);
                pool.parallel(count, grain, [&](int64_t begin, int64_t end) {
                    EXPECT_LT(begin, end);
                    EXPECT_LE(end - begin, std::max<int64_t>(grain, 1));
                    for (int64_t i = begin; i < end; ++i) ++hits[static_cast<size_t>(i)];
                });
                EXPECT_EQ(hits, std::vector<int>(static_cast<size_t>(count), 1));
            }
        }
    }
}

TEST(ThreadPool, ManyShortCallsAndSleeps) {
    ThreadPool pool(3);
    int64_t sum = 0;
    std::atomic<int64_t> total{0};
    for (int call = 0; call < 3000; ++call) {
        pool.parallel(
            8, 1, [&](int64_t begin, int64_t) { total.fetch_add(begin + call, std::memory_order_relaxed); });
        sum += 28 + 8 * call;
        if (call % 1000 == 0)
            std::this_thread::sleep_for(std::chrono::milliseconds(5));  // the workers fall asleep
    }
    EXPECT_EQ(total.load(), sum);
}

TEST(ThreadPool, AnExceptionReachesTheCallerAndThePoolGoesOn) {
    for (const int threads : {1, 4}) {
        ThreadPool pool(threads);
        for (int round = 0; round < 50; ++round) {
            EXPECT_THROW(pool.parallel(100, 1,
                                       [&](int64_t begin, int64_t) {
                                           if (begin == 37) fail("piece ", begin);
                                       }),
                         Error);
            EXPECT_THROW(pool.parallel(100, 1, [&](int64_t, int64_t) { throw std::runtime_error("all"); }),
                         std::runtime_error);
            std::atomic<int> done{0};
            pool.parallel(100, 1, [&](int64_t, int64_t) { done.fetch_add(1); });
            EXPECT_EQ(done.load(), 100);
        }
    }
}

TEST(ThreadPool, SubnormalNumbersAreZeroInEveryThreadAndOnlyInside) {
    const auto product = [](float x) {
        volatile float least = x;  // not at compile time
        return least * 0.5f;
    };
    constexpr float kLeast = 1.17549435e-38f;
    for (const int threads : {1, 4}) {
        ThreadPool pool(threads);
        std::vector<float> results(64, 1.0f);
        pool.parallel(64, 1,
                      [&](int64_t begin, int64_t) { results[static_cast<size_t>(begin)] = product(kLeast); });
        EXPECT_EQ(results, std::vector<float>(64, 0.0f));
        EXPECT_NE(product(kLeast), 0.0f);
    }
}

TEST(Isa, NamesAndSupport) {
    EXPECT_TRUE(isa_supported(Isa::portable));
    EXPECT_TRUE(isa_supported(best_isa()));
    EXPECT_EQ(parse_isa("portable"), Isa::portable);
    EXPECT_STREQ(name_of(Isa::avx2), "avx2");
    EXPECT_THROW(parse_isa("sse9"), Error);
    EXPECT_THROW(parse_isa(""), Error);
    for (const Isa isa : {Isa::avx2, Isa::avx512}) {
        if (isa_supported(isa)) {
            EXPECT_EQ(parse_isa(name_of(isa)), isa);
        } else {
            EXPECT_THROW(parse_isa(name_of(isa)), Error);
        }
    }
}

TEST(Runtime, HoldsAStream) {
    Runtime runtime(2);
    EXPECT_EQ(runtime.stream().pool->size(), 2);
    EXPECT_EQ(runtime.stream().device, Device::cpu);
    EXPECT_GE(Runtime().stream().pool->size(), 1);
}

}  // namespace
}  // namespace r1
