#include "ops/cuda/tensor_copy.cuh"

namespace r1::ops::cuda {

CUtensorMap tensor_map(const bf16* data, std::initializer_list<TensorAxis> axes) {
    static const auto encode = [] {  // a function of the driver, which the runtime opens
        void* found = nullptr;
        cudaDriverEntryPointQueryResult result{};
        check_cuda(cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &found, 12000,
                                                    cudaEnableDefault, &result),
                   "asking the driver for tensor copies");
        check(found != nullptr, "the GPU's driver knows no tensor copies; use a driver of CUDA 12 or newer");
        return reinterpret_cast<decltype(&cuTensorMapEncodeTiled)>(found);
    }();
    constexpr int kMostAxes = 5;
    cuuint64_t sizes[kMostAxes], strides[kMostAxes];
    cuuint32_t box[kMostAxes], steps[kMostAxes];
    cuuint32_t rank = 0;
    for (const TensorAxis& axis : axes) {
        sizes[rank] = static_cast<cuuint64_t>(axis.size);
        if (rank > 0) strides[rank - 1] = static_cast<cuuint64_t>(axis.stride) * sizeof(bf16);
        box[rank] = static_cast<cuuint32_t>(axis.box);
        steps[rank++] = 1;
    }
    CUtensorMap map;
    const CUresult status =
        encode(&map, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, rank, const_cast<bf16*>(data), sizes, strides, box,
               steps, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
               CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
    check(status == CUDA_SUCCESS, "CUDA: describing a tensor for copies: error ", static_cast<int>(status));
    return map;
}

}  // namespace r1::ops::cuda
