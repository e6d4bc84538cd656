#include "core/buffer.h"

#include <algorithm>
#include <vector>

namespace r1 {
namespace {

size_t round_up(size_t bytes, size_t align) {
    return (bytes + align - 1) / align * align;
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

Buffer::Buffer(DType dtype, Shape shape, Device device) : view_(nullptr, dtype, shape) {
    check_size(dtype, shape);
    storage_ = {allocate(device, view_.bytes()), Deallocate{device}};
    zero_bytes(device, storage_.get(), view_.bytes());
    view_.data = storage_.get();
}

struct Arena::Impl {
    struct Block {
        char* data;
        size_t size, used;
    };
    std::vector<Block> blocks;
    explicit Impl(Device d) : device(d), align(d == Device::cpu ? 64 : 256) {}
    Device device;
    size_t align;
    size_t current = 0, peak = 0;
    uint64_t generation = 0;

    size_t least_block() const { return size_t{device == Device::cpu ? 4u : 256u} << 20; }
    void add_block(size_t size) {
        blocks.push_back({static_cast<char*>(allocate(device, size)), size, 0});
        ++generation;
    }
    void free_blocks() {
        for (auto& block : blocks) deallocate(device, block.data);
        blocks.clear();
        current = 0;
    }
};

Arena::Arena(Device device) : impl_(std::make_unique<Impl>(device)) {}

Arena::~Arena() {
    impl_->free_blocks();
}

Device Arena::device() const {
    return impl_->device;
}

TensorView Arena::take(DType dtype, Shape shape) {
    check_size(dtype, shape);
    TensorView view(nullptr, dtype, shape);
    const size_t need = round_up(view.bytes(), impl_->align);
    auto& blocks = impl_->blocks;
    while (impl_->current < blocks.size() &&
           blocks[impl_->current].used + need > blocks[impl_->current].size) {
        if (++impl_->current < blocks.size()) blocks[impl_->current].used = 0;
    }
    if (impl_->current == blocks.size()) impl_->add_block(std::max(need, impl_->least_block()));
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
    if (mark.block > 0 || mark.used > 0 || impl_->blocks.size() < 2) return;
    // Several blocks leave gaps where a tensor does not fit, and with sizes that change there would be ever
    // more.
    impl_->free_blocks();
    try {
        impl_->add_block(round_up(impl_->peak + impl_->peak / 8, impl_->align));
    } catch (const Error&) {  // take() will say so
    }
}

size_t Arena::held_bytes() const {
    size_t held = 0;
    for (const auto& block : impl_->blocks) held += block.size;
    return held;
}

uint64_t Arena::generation() const {
    return impl_->generation;
}

size_t Arena::peak_bytes() const {
    return impl_->peak;
}

}  // namespace r1
