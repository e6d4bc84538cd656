#include "formats/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "core/check.h"
#include "formats/convert.h"
#include "formats/json.h"

namespace r1 {
namespace {

using nlohmann::json;
static_assert(std::endian::native == std::endian::little, "the file formats are little-endian");

constexpr uint64_t max_header_bytes = 100'000'000;  // the reference implementation's limit
constexpr int64_t max_elements = int64_t{1} << 56;  // times the widest dtype still fits in 64 bits

template <class T, class Convert>
void widen(std::span<const std::byte> bytes, std::span<float> out, Convert to_float) {
    for (size_t i = 0; i < out.size(); ++i) {
        T value;
        std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
        out[i] = to_float(value);
    }
}

template <class T>
void widen_number(std::span<const std::byte> bytes, std::span<float> out) {
    widen<T>(bytes, out, [](T value) { return static_cast<float>(value); });
}

struct StoredType {
    const char* name;
    size_t bytes;
    void (*widen)(std::span<const std::byte>, std::span<float>);
};

constexpr StoredType stored_types[] = {
    {"F32", 4, widen_number<float>},
    {"BF16", 2, [](auto bytes, auto out) { widen<uint16_t>(bytes, out, bf16_to_f32); }},
    {"F16", 2, [](auto bytes, auto out) { widen<uint16_t>(bytes, out, f16_to_f32); }},
    {"F64", 8, widen_number<double>},
    {"I64", 8, widen_number<int64_t>},
    {"U64", 8, widen_number<uint64_t>},
    {"I32", 4, widen_number<int32_t>},
    {"U32", 4, widen_number<uint32_t>},
    {"I16", 2, widen_number<int16_t>},
    {"U16", 2, widen_number<uint16_t>},
    {"I8", 1, widen_number<int8_t>},
    {"U8", 1, widen_number<uint8_t>},
    {"BOOL", 1, widen_number<uint8_t>},
};

const StoredType* find_stored_type(const std::string& name) {
    const auto* it =
        std::ranges::find_if(stored_types, [&](const StoredType& type) { return name == type.name; });
    return it == std::end(stored_types) ? nullptr : it;
}

const char* stored_name(DType dtype) {
    switch (dtype) {
        case DType::f32:
            return "F32";
        case DType::bf16:
            return "BF16";
        case DType::f16:
            return "F16";
        case DType::i32:
            return "I32";
        case DType::i64:
            return "I64";
        case DType::u8:
            return "U8";
    }
    fail("unknown dtype");
}

uint64_t to_uint64(const json& value, const std::string& where) {
    check(value.is_number_unsigned(), where, " must be an integer that is not negative");
    return value.get<uint64_t>();
}

// The header's entry of one tensor, checked against the bytes that follow the header.
Safetensors::Entry parse_entry(const json& value, std::span<const std::byte> data, const std::string& where) {
    check(value.is_object() && value.contains("dtype") && value.contains("shape") &&
              value.contains("data_offsets"),
          where, " must be an object with dtype, shape and data_offsets");
    const json &dtype = value["dtype"], &dims = value["shape"], &offsets = value["data_offsets"];
    check(dtype.is_string(), where, ".dtype must be a string");
    const StoredType* type = find_stored_type(dtype.get<std::string>());
    check(type, where, ": dtype ", dtype.get<std::string>(), " is not supported");

    Safetensors::Entry entry;
    entry.dtype = type->name;
    check(dims.is_array() && dims.size() <= entry.shape.dims.size(), where,
          ".shape must be a list of at most ", entry.shape.dims.size(), " sizes");
    uint64_t elements = 1;
    for (const json& dim : dims) {
        const uint64_t size = to_uint64(dim, where + ".shape");
        check(size <= max_elements && (elements == 0 || size <= max_elements / elements), where,
              ".shape has too many elements");
        elements *= size;
        entry.shape.dims[static_cast<size_t>(entry.shape.ndim++)] = static_cast<int64_t>(size);
    }

    check(offsets.is_array() && offsets.size() == 2, where, ".data_offsets must be two numbers");
    const uint64_t begin = to_uint64(offsets[0], where + ".data_offsets");
    const uint64_t end = to_uint64(offsets[1], where + ".data_offsets");
    check(begin <= end && end <= data.size(), where, ".data_offsets are ", begin, " and ", end,
          ", but the file has ", data.size(), " bytes of data; is it complete?");
    check(end - begin == elements * type->bytes, where, " has ", end - begin, " bytes, but ", entry.dtype,
          " ", entry.shape.str(), " needs ", elements * type->bytes);
    entry.bytes = data.subspan(begin, end - begin);
    return entry;
}

}  // namespace

Safetensors::Safetensors(const fs::path& path) : path_(path) {
    const bool folder = fs::is_directory(path);
    const fs::path file = folder ? path / "model.safetensors" : path;
    const fs::path index = folder ? path / "model.safetensors.index.json" : path;
    if (folder ? fs::exists(file) : path.extension() != ".json") {
        add_file(file);
    } else {
        check(fs::exists(index), path.string(),
              folder ? " has neither model.safetensors nor model.safetensors.index.json" : " does not exist");
        add_index(index);
    }
}

void Safetensors::add_file(const fs::path& path) {
    const std::string file = path.string();
    files_.push_back(std::make_unique<MappedFile>(path));
    const auto bytes = files_.back()->bytes();
    uint64_t header_bytes = 0;
    check(bytes.size() >= sizeof header_bytes, file, " is too short to be a safetensors file");
    std::memcpy(&header_bytes, bytes.data(), sizeof header_bytes);
    check(header_bytes <= std::min<uint64_t>(max_header_bytes, bytes.size() - sizeof header_bytes), file,
          ": the header's length is ", header_bytes, ", but the file has ", bytes.size(),
          " bytes; is it a complete safetensors file?");
    const auto header_text = files_.back()->text().substr(sizeof header_bytes, header_bytes);
    const auto data = bytes.subspan(sizeof header_bytes + header_bytes);

    const json header = parse_json(header_text, file + ": the header", 8);
    check(header.is_object(), file, ": the header must be a JSON object");
    const size_t first_name = names_.size();
    for (const auto& [name, value] : header.items()) {
        if (name == "__metadata__") {
            check(value.is_object(), file, ": __metadata__ must be an object");
            if (files_.size() > 1) continue;
            for (const auto& [key, text] : value.items()) {
                check(text.is_string(), file, ": __metadata__ may hold strings only");
                metadata_[key] = text.get<std::string>();
            }
            continue;
        }
        names_.push_back(name);
        const bool is_new =
            entries_.emplace(name, parse_entry(value, data, cat(file, ": tensor ", name))).second;
        check(is_new, file, ": tensor ", name, " is in another file too");
    }

    // As in the reference implementation, tensors fill the data without gaps and without overlaps.
    const std::span names = std::span(names_).subspan(first_name);
    std::ranges::sort(names, {}, [&](const std::string& name) {
        const auto stored = entry(name).bytes;
        return std::tuple(stored.data(), stored.size(), name);
    });
    const std::byte* next = data.data();
    for (const std::string& name : names) {
        const auto stored = entry(name).bytes;
        check(stored.data() == next, file, ": the bytes of tensor ", name, " overlap others or leave a gap");
        next += stored.size();
    }
    check(next == data.data() + data.size(), file, ": ", data.data() + data.size() - next,
          " bytes after the last tensor belong to none");
}

void Safetensors::add_index(const fs::path& path) {
    const std::string file = path.string();
    const json index = parse_json(read_file(path), file, 16);
    check(index.is_object() && index.contains("weight_map") && index["weight_map"].is_object(), file,
          " must have an object weight_map");
    std::set<std::string> shards;
    for (const auto& [name, shard] : index["weight_map"].items()) {
        check(shard.is_string(), file, ": weight_map of ", name, " must be a file name");
        const auto shard_name = shard.get<std::string>();
        check(shard_name.find('/') == std::string::npos && shard_name.find('\0') == std::string::npos &&
                  shard_name.ends_with(".safetensors"),
              file, ": weight_map of ", name, " must be a .safetensors file beside the index, not ",
              shard.dump());
        shards.insert(shard_name);
    }
    for (const std::string& shard : shards) add_file(path.parent_path() / shard);
    for (const auto& [name, shard] : index["weight_map"].items())
        check(has(name), file, ": tensor ", name, " is not in ", shard.get<std::string>());
}

const Safetensors::Entry& Safetensors::entry(const std::string& name) const {
    const auto it = entries_.find(name);
    check(it != entries_.end(), path_.string(), " has no tensor ", name);
    return it->second;
}

void Safetensors::read(const std::string& name, std::span<float> out) const {
    const Entry& found = entry(name);
    check(static_cast<int64_t>(out.size()) == found.shape.numel(), path_.string(), ": tensor ", name, " has ",
          found.shape.numel(), " elements, not ", out.size());
    find_stored_type(found.dtype)->widen(found.bytes, out);
}

void Safetensors::read_exact(const std::string& name, TensorView out) const {
    const Entry& found = entry(name);
    check(found.dtype == stored_name(out.dtype) && found.shape == out.shape, path_.string(), ": tensor ",
          name, " is ", found.dtype, found.shape.str(), ", not ", stored_name(out.dtype), out.shape.str());
    if (!found.bytes.empty()) std::memcpy(out.data, found.bytes.data(), found.bytes.size());
}

namespace {

bool is_floating(DType dtype) {
    return dtype == DType::f32 || dtype == DType::bf16 || dtype == DType::f16;
}

DType stored_dtype(const NamedTensor& item, std::optional<DType> dtype) {
    return dtype && is_floating(item.tensor.dtype) ? *dtype : item.tensor.dtype;
}

uint64_t stored_bytes(const NamedTensor& item, std::optional<DType> dtype) {
    return static_cast<uint64_t>(item.tensor.numel()) * size_of(stored_dtype(item, dtype));
}

}  // namespace

void write_safetensors(const fs::path& path, std::span<const NamedTensor> tensors, std::optional<DType> dtype,
                       const SafetensorsMetadata& metadata) {
    std::vector<const NamedTensor*> order;
    for (const NamedTensor& item : tensors) order.push_back(&item);
    std::ranges::stable_sort(order, std::greater{},
                             [&](const NamedTensor* item) { return size_of(stored_dtype(*item, dtype)); });

    nlohmann::ordered_json header = nlohmann::ordered_json::object();
    if (!metadata.empty()) header["__metadata__"] = metadata;
    std::set<std::string> seen;
    uint64_t offset = 0;
    for (const NamedTensor* item : order) {
        check(item->name != "__metadata__" && seen.insert(item->name).second, "cannot write ", path.string(),
              ": the tensor name ", item->name, " is reserved or there twice");
        const auto& shape = item->tensor.shape;
        const uint64_t end = offset + stored_bytes(*item, dtype);
        header.push_back(
            {item->name,
             {{"dtype", stored_name(stored_dtype(*item, dtype))},
              {"shape", std::vector<int64_t>(shape.dims.begin(), shape.dims.begin() + shape.ndim)},
              {"data_offsets", {offset, end}}}});
        offset = end;
    }
    std::string text = header.dump();
    text.resize((text.size() + 7) / 8 * 8, ' ');
    const uint64_t header_bytes = text.size();

    write_file(path, [&](FileWriter& file) {
        file.write(&header_bytes, sizeof header_bytes);
        file.write(text.data(), text.size());
        for (const NamedTensor* item : order) write_elements(file, item->tensor, stored_dtype(*item, dtype));
    });
}

void write_model_safetensors(const fs::path& folder, std::span<const NamedTensor> tensors,
                             std::optional<DType> dtype, uint64_t max_shard_bytes) {
    std::vector<std::span<const NamedTensor>> shards;
    uint64_t total = 0, shard_bytes = 0;
    size_t begin = 0;
    for (size_t i = 0; i < tensors.size(); ++i) {
        const uint64_t bytes = stored_bytes(tensors[i], dtype);
        if (i > begin && shard_bytes + bytes > max_shard_bytes) {
            shards.push_back(tensors.subspan(begin, i - begin));
            begin = i;
            shard_bytes = 0;
        }
        shard_bytes += bytes;
        total += bytes;
    }
    shards.push_back(tensors.subspan(begin));
    if (shards.size() == 1) return write_safetensors(folder / "model.safetensors", tensors, dtype);

    json index = {{"metadata", {{"total_size", total}}}, {"weight_map", json::object()}};
    for (size_t i = 0; i < shards.size(); ++i) {
        std::array<char, 64> name{};
        std::snprintf(name.data(), name.size(), "model-%05zu-of-%05zu.safetensors", i + 1, shards.size());
        write_safetensors(folder / name.data(), shards[i], dtype);
        for (const NamedTensor& item : shards[i]) index["weight_map"][item.name] = name.data();
    }
    write_file(folder / "model.safetensors.index.json", index.dump(2) + "\n");
}

}  // namespace r1
