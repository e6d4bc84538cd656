// Work on a CUDA stream that is recorded once and replayed with one call.
#pragma once
#include <functional>

#include "core/device.h"

struct CUgraphExec_st;

namespace r1 {

class CudaGraph {
  public:
    // Records what `work` enqueues on the stream; nothing of it is run. `work` must have been run before, so
    // that it allocates nothing and loads no kernels, and neither wait nor copy to or from the host. The
    // memory that it uses must stay where it is while the graph is replayed.
    CudaGraph(CudaStream& stream, const std::function<void()>& work);
    ~CudaGraph();
    CudaGraph(const CudaGraph&) = delete;
    CudaGraph& operator=(const CudaGraph&) = delete;

    void replay(CudaStream& stream);  // enqueued

  private:
    CUgraphExec_st* graph_ = nullptr;
};

}  // namespace r1
