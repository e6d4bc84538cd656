#include "formats/gguf.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/check.h"
#include "formats/gguf_names.h"

namespace r1 {
namespace {

static_assert(std::endian::native == std::endian::little, "the file formats are little-endian");

constexpr int64_t max_elements = int64_t{1} << 56;  // times any type's bytes still fits in 64 bits
constexpr uint64_t max_alignment = 1 << 20;
constexpr int max_array_depth = 4;

template <class T>
struct VectorItem;
template <class T>
struct VectorItem<std::vector<T>> {
    using type = T;
};

// Reads values one after the other; every read is checked against what is left of the file.
class Cursor {
  public:
    explicit Cursor(std::span<const std::byte> bytes) : bytes_(bytes) {}

    size_t position() const { return at_; }
    size_t left() const { return bytes_.size() - at_; }

    template <class T>
    T read() {
        if constexpr (std::is_same_v<T, std::string>) {
            const auto size = read<uint64_t>();
            need(size);
            std::string text(reinterpret_cast<const char*>(bytes_.data()) + at_, size);
            at_ += size;
            return text;
        } else if constexpr (std::is_same_v<T, GgufArray>) {
            check(++depth_ <= max_array_depth, "lists are nested deeper than ", max_array_depth, " levels");
            GgufArray array{read_alternative<decltype(array.items)>(read<uint32_t>())};
            --depth_;
            return array;
        } else if constexpr (std::is_same_v<T, bool>) {
            const auto byte = read<uint8_t>();
            check(byte <= 1, "a true-or-false value is ", int{byte});
            return byte == 1;
        } else if constexpr (std::is_arithmetic_v<T>) {
            need(sizeof(T));
            T value;
            std::memcpy(&value, bytes_.data() + at_, sizeof value);
            at_ += sizeof value;
            return value;
        } else {
            return read_items<typename VectorItem<T>::type>();
        }
    }

    // The alternative of a variant whose index is the type id in the file.
    template <class Variant, size_t index = 0>
    Variant read_alternative(uint32_t type) {
        if constexpr (index < std::variant_size_v<Variant>) {
            if (type == index)
                return Variant(std::in_place_index<index>,
                               read<std::variant_alternative_t<index, Variant>>());
            return read_alternative<Variant, index + 1>(type);
        } else {
            fail("the value type ", type, " is unknown");
        }
    }

  private:
    void need(uint64_t size) const {
        check(size <= left(), size, " bytes are needed at byte ", at_, ", but ", left(),
              " are left; is it complete?");
    }

    template <class T>
    std::vector<T> read_items() {
        constexpr uint64_t least_bytes = std::is_same_v<T, std::string> ? 8
                                         : std::is_same_v<T, GgufArray> ? 12
                                         : std::is_same_v<T, bool>      ? 1
                                                                        : sizeof(T);
        const auto count = read<uint64_t>();
        check(count <= left() / least_bytes, "a list of ", count, " items does not fit into the ", left(),
              " bytes that are left");
        std::vector<T> items;
        items.reserve(count);
        for (uint64_t i = 0; i < count; ++i) items.push_back(read<T>());
        return items;
    }

    std::span<const std::byte> bytes_;
    size_t at_ = 0;
    int depth_ = 0;
};

GgufMetadata read_metadata(Cursor& cursor, uint64_t count) {
    GgufMetadata metadata;
    for (uint64_t i = 0; i < count; ++i) {
        const auto key = cursor.read<std::string>();
        check(!metadata.find(key), "the metadata key ", key, " is there twice");
        metadata.set(key, cursor.read_alternative<GgufValue>(cursor.read<uint32_t>()));
    }
    return metadata;
}

Shape read_shape(Cursor& cursor) {
    Shape shape;
    const auto ndim = cursor.read<uint32_t>();
    check(ndim >= 1 && ndim <= shape.dims.size(), "it has ", ndim, " dimensions; 1 to ", shape.dims.size(),
          " are supported");
    shape.ndim = static_cast<int>(ndim);
    int64_t elements = 1;
    for (uint32_t i = 0; i < ndim; ++i) {
        const auto size = cursor.read<uint64_t>();
        check(size >= 1 && size <= static_cast<uint64_t>(max_elements / elements), "a dimension of ", size,
              " is impossible");
        elements *= static_cast<int64_t>(size);
        shape.dims[ndim - 1 - i] = static_cast<int64_t>(size);
    }
    return shape;
}

}  // namespace

Gguf::Gguf(const fs::path& path) : path_(path), file_(path) {
    try {
        parse();
    } catch (const Error& error) {
        fail(path.string(), " is not a valid GGUF file: ", error.what());
    }
}

void Gguf::parse() {
    Cursor cursor(file_.bytes());
    check(file_.text().starts_with("GGUF"), "it does not begin with the letters GGUF");
    cursor.read<uint32_t>();
    const auto version = cursor.read<uint32_t>();
    check(version == 2 || version == 3, "version ", version, " is not supported; 2 and 3 are",
          version > 0xffff ? " (the file is big-endian)" : "");
    const auto tensor_count = cursor.read<uint64_t>();
    const auto key_count = cursor.read<uint64_t>();
    metadata_ = read_metadata(cursor, key_count);
    const auto alignment = static_cast<uint64_t>(metadata_.integer("general.alignment", 32));
    check(std::has_single_bit(alignment) && alignment <= max_alignment, "general.alignment is ", alignment,
          "; it must be a power of two up to ", max_alignment);

    std::vector<uint64_t> offsets;
    for (uint64_t i = 0; i < tensor_count; ++i) {
        const auto stored_name = cursor.read<std::string>();
        try {
            Tensor tensor;
            tensor.shape = read_shape(cursor);
            tensor.type = static_cast<GgmlType>(cursor.read<uint32_t>());
            const int64_t row = tensor.shape[tensor.shape.ndim - 1];
            check(row % layout_of(tensor.type).block_elements == 0, "its rows of ", row,
                  " elements are not whole ", name_of(tensor.type), " blocks");
            const std::string name = hf_tensor_name(stored_name);
            tensor.heads = interleaved_heads(metadata_, name, tensor.shape[0]);
            offsets.push_back(cursor.read<uint64_t>());
            names_.push_back(name);
            check(tensors_.emplace(name, tensor).second, "it is there twice");
        } catch (const Error& error) {
            fail("tensor ", stored_name, ": ", error.what());
        }
    }
    locate(offsets, (cursor.position() + alignment - 1) / alignment * alignment, alignment);
}

// Gives each tensor its bytes; offsets count from the start of the data and are in the order of names_.
void Gguf::locate(const std::vector<uint64_t>& offsets, uint64_t data_start, uint64_t alignment) {
    const auto bytes = file_.bytes();
    const auto data = bytes.subspan(std::min<uint64_t>(data_start, bytes.size()));
    std::vector<std::pair<uint64_t, uint64_t>> ranges;
    for (size_t i = 0; i < offsets.size(); ++i) {
        Tensor& tensor = tensors_.at(names_[i]);
        const GgmlLayout layout = layout_of(tensor.type);
        const auto size =
            static_cast<uint64_t>(tensor.shape.numel() / layout.block_elements * layout.block_bytes);
        check(offsets[i] % alignment == 0, "tensor ", names_[i], ": its offset ", offsets[i],
              " is not a multiple of the alignment ", alignment);
        check(offsets[i] <= data.size() && size <= data.size() - offsets[i], "tensor ", names_[i], " needs ",
              size, " bytes at ", offsets[i], ", but the data ends at ", data.size(),
              "; is the file complete?");
        tensor.bytes = data.subspan(offsets[i], size);
        ranges.emplace_back(offsets[i], offsets[i] + size);
    }
    std::ranges::sort(ranges);
    for (size_t i = 1; i < ranges.size(); ++i)
        check(ranges[i - 1].second <= ranges[i].first, "two tensors overlap at byte ", ranges[i].first,
              " of the data");
}

const Gguf::Tensor& Gguf::tensor(const std::string& name) const {
    const auto it = tensors_.find(name);
    check(it != tensors_.end(), path_.string(), " has no tensor ", name);
    return it->second;
}

void Gguf::read(const std::string& name, std::span<float> out) const {
    const Tensor& found = tensor(name);
    check(static_cast<int64_t>(out.size()) == found.shape.numel(), path_.string(), ": tensor ", name, " has ",
          found.shape.numel(), " elements, not ", out.size());
    if (found.heads == 0) return dequantise(found.type, found.bytes, out);

    const int64_t rows = found.shape[0], head_dim = rows / found.heads;
    const size_t row_bytes = found.bytes.size() / static_cast<size_t>(rows);
    const size_t row_elements = out.size() / static_cast<size_t>(rows);
    for (int64_t row = 0; row < rows; ++row)
        dequantise(
            found.type, found.bytes.subspan(static_cast<size_t>(row) * row_bytes, row_bytes),
            out.subspan(static_cast<size_t>(deinterleaved_row(row, head_dim)) * row_elements, row_elements));
}

}  // namespace r1
