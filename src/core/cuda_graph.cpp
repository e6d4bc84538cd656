#include "core/cuda_graph.h"

#include "core/check.h"

#if R1_HAS_CUDA
#include "core/cuda.h"

namespace r1 {

CudaGraph::CudaGraph(CudaStream& stream, const std::function<void()>& work) {
    check_cuda(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeThreadLocal),
               "beginning to record a graph");
    cudaGraph_t recorded = nullptr;
    try {
        work();
    } catch (...) {
        cudaStreamEndCapture(stream.get(), &recorded);
        if (recorded) cudaGraphDestroy(recorded);
        throw;
    }
    check_cuda(cudaStreamEndCapture(stream.get(), &recorded), "recording a graph");
    const cudaError_t error = cudaGraphInstantiate(&graph_, recorded, 0);
    cudaGraphDestroy(recorded);
    check_cuda(error, "preparing a graph");
}

CudaGraph::~CudaGraph() {
    if (graph_) cudaGraphExecDestroy(graph_);
}

void CudaGraph::replay(CudaStream& stream) {
    check_cuda(cudaGraphLaunch(graph_, stream.get()), "replaying a graph");
}

}  // namespace r1

#else

namespace r1 {

CudaGraph::CudaGraph(CudaStream&, const std::function<void()>&) {
    fail("this build of r1 has no CUDA, and so no graphs");
}
CudaGraph::~CudaGraph() = default;
void CudaGraph::replay(CudaStream&) {}

}  // namespace r1

#endif
