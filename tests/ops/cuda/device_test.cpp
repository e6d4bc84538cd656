// The device's memory, copies and stream.
#include <gtest/gtest.h>

#include "core/buffer.h"
#include "ops/cuda/cuda_test.h"

namespace r1 {
namespace {

TEST(CudaDevice, BuffersAreZeroAndCopiesComeBack) {
    R1_NEED_GPU();
    const Buffer buffer(DType::f32, {1000}, Device::cuda);
    const HostTensor values(buffer.view(), Device::cuda);
    for (int i = 0; i < 1000; ++i) {
        ASSERT_EQ(values.as<float>()[i], 0.0f);
        values.as<float>()[i] = static_cast<float>(i);
    }
    values.store();
    const HostTensor again(buffer.view(), Device::cuda);
    for (int i = 0; i < 1000; ++i) ASSERT_EQ(again.as<float>()[i], static_cast<float>(i));
}

// More than the pinned memory holds at a time, without a wait between.
TEST(CudaDevice, UploadsAreInOrderAndMayOverwriteTheirSource) {
    R1_NEED_GPU();
    Runtime runtime(1, Device::cuda);
    Stream& stream = runtime.stream();
    constexpr int kCount = 100'000, kRounds = 40;
    const Buffer buffer(DType::i32, {kRounds, kCount}, Device::cuda);
    std::vector<int32_t> source(kCount);
    for (int round = 0; round < kRounds; ++round) {
        std::fill(source.begin(), source.end(), round);
        upload(stream, {buffer.as<int32_t>() + round * kCount, DType::i32, {kCount}}, source.data());
    }
    std::vector<int32_t> all(kRounds * kCount);
    download(stream, all.data(), buffer.view());
    for (int i = 0; i < kRounds * kCount; ++i) ASSERT_EQ(all[static_cast<size_t>(i)], i / kCount);
}

}  // namespace
}  // namespace r1
