#include <bit>
#include <cstring>
#include <set>

#include "core/check.h"
#include "formats/convert.h"
#include "formats/gguf.h"
#include "formats/gguf_names.h"

namespace r1 {
namespace {

constexpr size_t max_name_bytes = 63;  // ggml's GGML_MAX_NAME
constexpr size_t flush_bytes = size_t{1} << 20;

// Bytes put one after the other as the format wants them.
class Output {
  public:
    template <class T>
    void put(const T& value) {
        if constexpr (std::is_arithmetic_v<T>) {
            put_bytes(&value, sizeof value);
        } else if constexpr (std::is_same_v<T, std::string>) {
            put(uint64_t{value.size()});
            put_bytes(value.data(), value.size());
        } else if constexpr (std::is_same_v<T, GgufArray>) {
            put(static_cast<uint32_t>(value.items.index()));
            std::visit([&](const auto& items) { put(items); }, value.items);
        } else {
            put(uint64_t{value.size()});
            for (const auto& item : value) put(static_cast<const typename T::value_type&>(item));
        }
    }
    void pad_to(uint64_t alignment) {
        bytes_.resize((bytes_.size() + alignment - 1) / alignment * alignment);
    }
    std::span<std::byte> extend(size_t size) {
        bytes_.resize(bytes_.size() + size);
        return std::span(bytes_).last(size);
    }
    size_t size() const { return bytes_.size(); }
    void flush(FileWriter& file) {
        file.write(bytes_.data(), bytes_.size());
        bytes_.clear();
    }

  private:
    void put_bytes(const void* data, size_t size) {
        if (size > 0) std::memcpy(extend(size).data(), data, size);
    }
    std::vector<std::byte> bytes_;
};

uint32_t file_type_of(GgmlType type) {
    switch (type) {
        case GgmlType::f32:
            return 0;
        case GgmlType::f16:
            return 1;
        case GgmlType::q8_0:
            return 7;
        case GgmlType::bf16:
            return 32;
        default:
            fail("GGUF files are written as F32, F16, BF16 or Q8_0, not as ", name_of(type));
    }
}

GgmlType type_of(const NamedTensor& item, GgmlType type) {
    const Shape& shape = item.tensor.shape;
    if (shape.ndim <= 1) return GgmlType::f32;
    if (type == GgmlType::q8_0 && shape[shape.ndim - 1] % 32 != 0) return GgmlType::f16;
    return type;
}

uint64_t bytes_of(int64_t elements, GgmlType type) {
    const GgmlLayout layout = layout_of(type);
    return static_cast<uint64_t>(elements / layout.block_elements * layout.block_bytes);
}

void encode(std::span<const float> values, GgmlType type, std::span<std::byte> out) {
    switch (type) {
        case GgmlType::f16:
            return from_f32(values, DType::f16, out);
        case GgmlType::bf16:
            return from_f32(values, DType::bf16, out);
        case GgmlType::q8_0:
            return quantise_q8_0(values, out);
        default:
            return from_f32(values, DType::f32, out);
    }
}

void write_tensor(FileWriter& file, const NamedTensor& item, GgmlType type, int64_t heads,
                  uint64_t alignment) {
    const int64_t rows = item.tensor.dim(0), row_elements = item.tensor.numel() / rows;
    const int64_t head_dim = heads > 0 ? rows / heads : 0;
    std::vector<float> values(static_cast<size_t>(row_elements));
    Output output;
    for (int64_t row = 0; row < rows; ++row) {
        to_f32(item.tensor, (heads > 0 ? deinterleaved_row(row, head_dim) : row) * row_elements, values);
        encode(values, type, output.extend(bytes_of(row_elements, type)));
        if (output.size() >= flush_bytes && output.size() % alignment == 0) output.flush(file);
    }
    output.pad_to(alignment);
    output.flush(file);
}

}  // namespace

void write_gguf(const fs::path& path, GgufMetadata metadata, std::span<const NamedTensor> tensors,
                GgmlType type) {
    metadata.set("general.file_type", file_type_of(type));
    if (type == GgmlType::q8_0) metadata.set("general.quantization_version", uint32_t{2});
    const auto alignment = static_cast<uint64_t>(metadata.integer("general.alignment", 32));
    check(std::has_single_bit(alignment), "general.alignment is ", alignment, "; it must be a power of two");

    Output header;
    header.put(uint32_t{0x46554747});  // "GGUF"
    header.put(uint32_t{3});
    header.put(uint64_t{tensors.size()});
    header.put(uint64_t{metadata.values().size()});
    for (const auto& [key, value] : metadata.values()) {
        header.put(key);
        header.put(static_cast<uint32_t>(value.index()));
        std::visit([&](const auto& item) { header.put(item); }, value);
    }

    std::set<std::string> seen;
    std::vector<int64_t> heads;
    uint64_t offset = 0;
    for (const NamedTensor& item : tensors) {
        const std::string name = gguf_tensor_name(item.name);
        const Shape& shape = item.tensor.shape;
        check(name.size() <= max_name_bytes && seen.insert(name).second, "cannot write ", path.string(),
              ": the tensor name ", name, " is too long or there twice");
        check(shape.ndim >= 1 && shape.numel() > 0, "cannot write ", path.string(), ": tensor ", name, " is ",
              shape.str());
        heads.push_back(interleaved_heads(metadata, item.name, shape[0]));
        header.put(name);
        header.put(static_cast<uint32_t>(shape.ndim));
        for (int i = shape.ndim - 1; i >= 0; --i) header.put(static_cast<uint64_t>(shape[i]));
        header.put(static_cast<uint32_t>(type_of(item, type)));
        header.put(offset);
        const uint64_t bytes = bytes_of(shape.numel(), type_of(item, type));
        offset += (bytes + alignment - 1) / alignment * alignment;
    }
    header.pad_to(alignment);

    write_file(path, [&](FileWriter& file) {
        header.flush(file);
        for (size_t i = 0; i < tensors.size(); ++i)
            write_tensor(file, tensors[i], type_of(tensors[i], type), heads[i], alignment);
    });
}

}  // namespace r1
