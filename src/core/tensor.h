// A view of contiguous row-major memory with a dtype and a shape. Views do not own; buffers do
// (core/buffer.h).
#pragma once
#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>

#include "core/check.h"

namespace r1 {

enum class DType : uint8_t { f32, bf16, f16, i32, i64, u8 };
size_t size_of(DType dtype);
const char* name_of(DType dtype);  // "f32", "bf16", ...

template <class T>
constexpr DType dtype_of();
template <>
constexpr DType dtype_of<float>() {
    return DType::f32;
}
template <>
constexpr DType dtype_of<int32_t>() {
    return DType::i32;
}
template <>
constexpr DType dtype_of<int64_t>() {
    return DType::i64;
}
template <>
constexpr DType dtype_of<uint16_t>() {
    return DType::bf16;
}
template <>
constexpr DType dtype_of<uint8_t>() {
    return DType::u8;
}

// At most four dimensions; dims beyond ndim are 1.
struct Shape {
    std::array<int64_t, 4> dims{1, 1, 1, 1};
    int ndim = 0;

    Shape() = default;
    Shape(std::initializer_list<int64_t> list);
    int64_t operator[](int i) const { return dims[static_cast<size_t>(i)]; }
    int64_t numel() const { return dims[0] * dims[1] * dims[2] * dims[3]; }
    bool operator==(const Shape&) const = default;
    std::string str() const;  // "[2, 3]"
};

template <class Void>
struct BasicTensorView {
    Void* data = nullptr;
    DType dtype = DType::f32;
    Shape shape;

    BasicTensorView() = default;
    BasicTensorView(Void* data_, DType dtype_, Shape shape_) : data(data_), dtype(dtype_), shape(shape_) {}
    template <class Other>  // TensorView -> ConstTensorView
    BasicTensorView(const BasicTensorView<Other>& other)
        : data(other.data), dtype(other.dtype), shape(other.shape) {}

    explicit operator bool() const { return data != nullptr; }
    int64_t dim(int i) const { return shape[i]; }
    int64_t numel() const { return shape.numel(); }
    size_t bytes() const { return static_cast<size_t>(numel()) * size_of(dtype); }
    std::string str() const { return std::string(name_of(dtype)) + shape.str(); }

    // Typed pointer; throws if the dtype is another.
    template <class T>
    auto as() const {
        using Ptr = std::conditional_t<std::is_const_v<Void>, const T*, T*>;
        check(dtype == dtype_of<T>(), "tensor is ", *this, ", not ", name_of(dtype_of<T>()));
        return static_cast<Ptr>(data);
    }
};
using TensorView = BasicTensorView<void>;
using ConstTensorView = BasicTensorView<const void>;

// For messages: "f32[2, 3]".
inline std::ostream& operator<<(std::ostream& out, const Shape& shape) {
    return out << shape.str();
}
template <class Void>
std::ostream& operator<<(std::ostream& out, const BasicTensorView<Void>& tensor) {
    return out << tensor.str();
}

inline TensorView view(float* data, Shape shape) {
    return {data, DType::f32, shape};
}
inline ConstTensorView view(const float* data, Shape shape) {
    return {data, DType::f32, shape};
}
inline ConstTensorView view(const int32_t* data, Shape shape) {
    return {data, DType::i32, shape};
}

float bf16_to_f32(uint16_t bits);
uint16_t f32_to_bf16(float value);  // round to nearest even; NaN stays NaN
float f16_to_f32(uint16_t bits);
uint16_t f32_to_f16(float value);  // round to nearest even

}  // namespace r1
