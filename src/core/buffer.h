// Owned memory of a device, and the arena from which a pass takes its activations.
#pragma once
#include <cstddef>
#include <memory>

#include "core/device.h"
#include "core/tensor.h"

namespace r1 {

// Zero-initialised memory of one tensor.
class Buffer {
  public:
    Buffer() = default;
    Buffer(DType dtype, Shape shape, Device device = Device::cpu);
    TensorView view() const { return view_; }
    template <class T>
    T* as() const {
        return view_.as<T>();
    }
    explicit operator bool() const { return storage_ != nullptr; }

  private:
    std::unique_ptr<void, Deallocate> storage_;
    TensorView view_;
};

// A stack of allocations: take() hands out memory, release(mark) gives back all that came after a mark.
// Blocks are kept for the next pass, and become one when all is released, so that a steady state allocates
// nothing. Memory is not cleared. On a device the work of one stream uses an arena, so what is released may
// be taken again at once.
class Arena {
  public:
    struct Mark {
        size_t block = 0, used = 0;
    };
    explicit Arena(Device device = Device::cpu);
    ~Arena();
    Arena(const Arena&) = delete;
    Arena& operator=(const Arena&) = delete;

    TensorView take(DType dtype, Shape shape);
    float* floats(int64_t count) { return take(DType::f32, {count}).as<float>(); }
    int32_t* ints(int64_t count) { return take(DType::i32, {count}).as<int32_t>(); }
    Mark mark() const;
    void release(Mark mark);
    size_t peak_bytes() const;  // the most that was taken at once
    size_t held_bytes() const;
    uint64_t generation() const;  // changes when memory that was taken and released may have moved
    Device device() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// Releases what a scope took.
class ArenaScope {
  public:
    explicit ArenaScope(Arena& arena) : arena_(arena), mark_(arena.mark()) {}
    ~ArenaScope() { arena_.release(mark_); }
    ArenaScope(const ArenaScope&) = delete;
    ArenaScope& operator=(const ArenaScope&) = delete;

  private:
    Arena& arena_;
    Arena::Mark mark_;
};

}  // namespace r1
