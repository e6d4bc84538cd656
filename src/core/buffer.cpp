#include "core/buffer.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace r1 {
namespace {

constexpr size_t kAlign = 64;
constexpr size_t kBlockBytes = size_t{4} << 20;

size_t round_up(size_t bytes) {
    return (bytes + kAlign - 1) / kAlign * kAlign;
}

void* allocate(size_t bytes) {
    void* pointer = std::aligned_alloc(kAlign, round_up(std::max<size_t>(bytes, 1)));
    check(pointer != nullptr, "out of memory: ", bytes >> 20,
          " MiB could not be allocated; use a smaller model, batch or completion length");
    return pointer;
}

// A size that a file or a flag made up must not wrap around to a small one.
void check_size(DType dtype, const Shape& shape) {
    auto bytes = static_cast<int64_t>(size_of(dtype));
    bool fits = true;
    for (const int64_t dim : shape.dims)
        fits = fits && dim >= 0 && !__builtin_mul_overflow(bytes, dim, &bytes);
    check(fits, "a buffer of shape ", shape.str(), " is impossible");
}

}  // namespace

void Buffer::Free::operator()(void* pointer) const {
    std::free(pointer);
}

Buffer::Buffer(DType dtype, Shape shape) : view_(nullptr, dtype, shape) {
    check_size(dtype, shape);
    storage_.reset(allocate(view_.bytes()));
    std::memset(storage_.get(), 0, round_up(view_.bytes()));
    view_.data = storage_.get();
}

struct Arena::Impl {
    struct Block {
        char* data;
        size_t size, used;
    };
    std::vector<Block> blocks;
    size_t current = 0, peak = 0;
};

Arena::Arena() : impl_(std::make_unique<Impl>()) {}

Arena::~Arena() {
    for (auto& block : impl_->blocks) std::free(block.data);
}

TensorView Arena::take(DType dtype, Shape shape) {
    check_size(dtype, shape);
    TensorView view(nullptr, dtype, shape);
    const size_t need = round_up(view.bytes());
    auto& blocks = impl_->blocks;
    while (impl_->current < blocks.size() &&
           blocks[impl_->current].used + need > blocks[impl_->current].size) {
        if (++impl_->current < blocks.size()) blocks[impl_->current].used = 0;
    }
    if (impl_->current == blocks.size()) {
        const size_t size = std::max(need, kBlockBytes);
        blocks.push_back({static_cast<char*>(allocate(size)), size, 0});
    }
    auto& block = blocks[impl_->current];
    view.data = block.data + block.used;
    block.used += need;
    size_t total = 0;
    for (size_t i = 0; i <= impl_->current; ++i) total += blocks[i].used;
    impl_->peak = std::max(impl_->peak, total);
    return view;
}

Arena::Mark Arena::mark() const {
    if (impl_->current >= impl_->blocks.size()) return {impl_->current, 0};
    return {impl_->current, impl_->blocks[impl_->current].used};
}

void Arena::release(Mark mark) {
    impl_->current = mark.block;
    if (mark.block < impl_->blocks.size()) impl_->blocks[mark.block].used = mark.used;
}

size_t Arena::peak_bytes() const {
    return impl_->peak;
}

}  // namespace r1
