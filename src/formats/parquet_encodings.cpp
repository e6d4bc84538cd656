#include "formats/parquet_encodings.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/check.h"

namespace r1::parquet {
namespace {

class Bytes {
  public:
    explicit Bytes(std::string_view bytes) : bytes_(bytes) {}
    size_t left() const { return bytes_.size() - at_; }
    std::string_view take(size_t size) {
        check(size <= left(), "a page ends too soon");
        at_ += size;
        return bytes_.substr(at_ - size, size);
    }
    std::string_view rest() { return take(left()); }
    uint64_t little_endian(size_t size) {
        const std::string_view piece = take(size);
        uint64_t value = 0;
        for (size_t i = 0; i < size; ++i) value |= uint64_t{static_cast<unsigned char>(piece[i])} << (8 * i);
        return value;
    }
    uint64_t varint() {
        uint64_t value = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            const uint64_t byte = little_endian(1);
            value |= (byte & 127) << shift;
            if (byte < 128) return value;
        }
        fail("a number of a page has more than 64 bits");
    }
    int64_t zigzag() {
        const uint64_t value = varint();
        return static_cast<int64_t>(value >> 1 ^ (~(value & 1) + 1));
    }

  private:
    std::string_view bytes_;
    size_t at_ = 0;
};

// Value `index` of little-endian bit-packed ones; the bytes are known to hold it.
uint64_t unpacked(std::string_view packed, size_t index, int width) {
    uint64_t value = 0;
    size_t bit = index * static_cast<size_t>(width);
    for (int have = 0; have < width;) {
        const int offset = static_cast<int>(bit % 8), here = std::min(8 - offset, width - have);
        const uint64_t byte = static_cast<unsigned char>(packed[bit / 8]);
        value |= (byte >> offset & ((1u << here) - 1)) << have;
        have += here, bit += static_cast<size_t>(here);
    }
    return value;
}

// Calls run(value, times) for each run and each bit-packed value until `count` have come.
template <class Run>
void for_each_run(std::string_view bytes, int width, size_t count, const Run& run) {
    check(width >= 0 && width <= 32, "a page packs values of ", width, " bits");
    Bytes in(bytes);
    const auto value_bytes = static_cast<size_t>((width + 7) / 8);
    while (count > 0) {
        const uint64_t head = in.varint();
        check(head >> 1 > 0, "a page holds an empty run");
        if (head & 1) {
            check(head >> 1 <= kMostPageValues, "a run of a page is too long");
            const size_t groups = head >> 1;
            // the last group may be cut short after the last value that is there
            const size_t most = std::min(groups * static_cast<size_t>(width), in.left());
            const std::string_view packed = in.take(most);
            const size_t here = std::min(count, groups * 8);
            check(here * static_cast<size_t>(width) <= most * 8, "a page ends too soon");
            for (size_t i = 0; i < here; ++i) run(unpacked(packed, i, width), size_t{1});
            count -= here;
        } else {
            const uint64_t value = in.little_endian(value_bytes);
            const auto times = static_cast<size_t>(std::min<uint64_t>(head >> 1, count));
            run(value, times);
            count -= times;
        }
    }
}

Value integer(int64_t value) {
    Value out;
    out.integer = value;
    return out;
}
Value real(double value) {
    Value out;
    out.real = value;
    return out;
}
Value text(std::string_view bytes) {
    Value out;
    out.bytes = bytes;
    return out;
}

// Nanoseconds of the day, then the Julian day.
int64_t from_int96(uint64_t nanoseconds, uint32_t day) {
    constexpr uint64_t epoch = 2'440'588, nanoseconds_a_day = 86'400'000'000'000;
    return static_cast<int64_t>((day - epoch) * nanoseconds_a_day + nanoseconds);
}

Value plain_value(const Node& leaf, Bytes& in) {
    switch (leaf.type) {
        case Physical::int32:
            return integer(static_cast<int32_t>(in.little_endian(4)));
        case Physical::int64:
            return integer(static_cast<int64_t>(in.little_endian(8)));
        case Physical::int96: {
            const uint64_t nanoseconds = in.little_endian(8);
            return integer(from_int96(nanoseconds, static_cast<uint32_t>(in.little_endian(4))));
        }
        case Physical::float32:
            return real(
                static_cast<double>(std::bit_cast<float>(static_cast<uint32_t>(in.little_endian(4)))));
        case Physical::float64:
            return real(std::bit_cast<double>(in.little_endian(8)));
        case Physical::bytes:
            return text(in.take(in.little_endian(4)));
        case Physical::fixed_bytes:
            return text(in.take(static_cast<size_t>(leaf.fixed_size)));
        default:
            fail("a boolean has no bytes of its own");
    }
}

void decode_plain(const Node& leaf, std::string_view bytes, size_t count, Values& out) {
    if (leaf.type == Physical::boolean) {
        check(count <= bytes.size() * 8, "a page ends too soon");
        for (size_t i = 0; i < count; ++i)
            out.items.push_back(integer(static_cast<int64_t>(unpacked(bytes, i, 1))));
        return;
    }
    Bytes in(bytes);
    for (size_t i = 0; i < count; ++i) out.items.push_back(plain_value(leaf, in));
}

// Returns the integers; `in` then stands behind them.
std::vector<int64_t> decode_delta(Bytes& in, size_t most) {
    const uint64_t block = in.varint(), mini_blocks = in.varint(), total = in.varint();
    uint64_t value = static_cast<uint64_t>(in.zigzag());
    check(block > 0 && block <= 1 << 20 && block % 128 == 0 && mini_blocks > 0 && mini_blocks <= block / 32 &&
              block % mini_blocks == 0 && (block / mini_blocks) % 32 == 0,
          "a page of deltas has blocks of ", block, " in ", mini_blocks, " parts");
    check(total <= most, "a page holds more deltas than values");
    std::vector<int64_t> out;
    if (total > 0) out.push_back(static_cast<int64_t>(value));
    const size_t each = block / mini_blocks;
    while (out.size() < total) {
        const auto least = static_cast<uint64_t>(in.zigzag());
        const std::string_view widths = in.take(mini_blocks);
        for (size_t m = 0; m < mini_blocks && out.size() < total; ++m) {
            const int width = static_cast<unsigned char>(widths[m]);
            check(width <= 64, "a page packs deltas of ", width, " bits");
            const std::string_view packed = in.take(each * static_cast<size_t>(width) / 8);
            for (size_t i = 0; i < each && out.size() < total; ++i) {
                value += least + unpacked(packed, i, width);
                out.push_back(static_cast<int64_t>(value));
            }
        }
    }
    return out;
}

// The lengths, then all bytes.
std::vector<std::string_view> decode_delta_lengths(Bytes& in, size_t count) {
    const auto lengths = decode_delta(in, count);
    check(lengths.size() == count, "a page has ", lengths.size(), " lengths for ", count, " values");
    std::vector<std::string_view> out;
    out.reserve(count);
    for (const int64_t length : lengths) {
        check(length >= 0, "a value has a negative length");
        out.push_back(in.take(static_cast<size_t>(length)));
    }
    return out;
}

// Each value is the beginning of the one before, and a suffix.
void decode_delta_bytes(std::string_view bytes, size_t count, Values& out) {
    Bytes in(bytes);
    const auto prefixes = decode_delta(in, count);
    check(prefixes.size() == count, "a page has ", prefixes.size(), " prefixes for ", count, " values");
    const auto suffixes = decode_delta_lengths(in, count);
    std::vector<size_t> ends;
    size_t before = 0, length = 0;  // of the value before
    for (size_t i = 0; i < count; ++i) {
        check(prefixes[i] >= 0 && static_cast<uint64_t>(prefixes[i]) <= length,
              "a value begins with more than the one before");
        const auto prefix = static_cast<size_t>(prefixes[i]);
        const size_t begin = out.buffer.size();
        check(prefix + suffixes[i].size() <= kMostPageBytes - begin, "a page unpacks to more than ",
              kMostPageBytes, " bytes");
        out.buffer.resize(begin + prefix);
        std::memcpy(out.buffer.data() + begin, out.buffer.data() + before, prefix);
        out.buffer += suffixes[i];
        before = begin, length = out.buffer.size() - begin;
        ends.push_back(out.buffer.size());
    }
    size_t begin = 0;
    for (const size_t end : ends) {
        out.items.push_back(text(std::string_view(out.buffer).substr(begin, end - begin)));
        begin = end;
    }
}

// All first bytes, then all second bytes, …
void decode_split(const Node& leaf, std::string_view bytes, size_t count, Values& out) {
    const bool fixed = leaf.type == Physical::fixed_bytes;
    const bool four = leaf.type == Physical::int32 || leaf.type == Physical::float32;
    check(fixed || four || leaf.type == Physical::int64 || leaf.type == Physical::float64,
          "a page splits the bytes of values that have none");
    const size_t width = fixed ? static_cast<size_t>(leaf.fixed_size) : four ? 4 : 8;
    check(count <= bytes.size() / width, "a page ends too soon");
    out.buffer.resize(count * width);
    for (size_t i = 0; i < count; ++i)
        for (size_t b = 0; b < width; ++b) out.buffer[i * width + b] = bytes[b * count + i];
    Bytes in(out.buffer);
    for (size_t i = 0; i < count; ++i) out.items.push_back(plain_value(leaf, in));
}

}  // namespace

int bit_width(uint32_t most) {
    return std::bit_width(most);
}

void decode_hybrid(std::string_view bytes, int width, size_t count, std::vector<uint32_t>& out) {
    check(count <= kMostPageValues, "a page of ", count, " values");
    for_each_run(bytes, width, count, [&](uint64_t value, size_t times) {
        out.insert(out.end(), times, static_cast<uint32_t>(value));
    });
}

void decode_levels(std::string_view bytes, int max_level, size_t count, std::vector<uint8_t>& out) {
    check(count <= kMostPageValues, "a page of ", count, " values");
    for_each_run(bytes, bit_width(static_cast<uint32_t>(max_level)), count,
                 [&](uint64_t value, size_t times) {
                     check(value <= static_cast<uint64_t>(max_level), "a level of a page is too high");
                     out.insert(out.end(), times, static_cast<uint8_t>(value));
                 });
}

void decode_values(Encoding encoding, const Node& leaf, std::string_view bytes, size_t count, Values& out) {
    if (count == 0) return;
    check(count <= kMostPlainValues, "a page of ", count, " values");
    const bool integers = leaf.type == Physical::int32 || leaf.type == Physical::int64;
    const bool strings = leaf.type == Physical::bytes || leaf.type == Physical::fixed_bytes;
    if (encoding == Encoding::plain) {
        decode_plain(leaf, bytes, count, out);
    } else if (encoding == Encoding::rle && leaf.type == Physical::boolean) {
        Bytes in(bytes);
        for_each_run(in.take(in.little_endian(4)), 1, count, [&](uint64_t value, size_t times) {
            out.items.insert(out.items.end(), times, integer(static_cast<int64_t>(value)));
        });
    } else if (encoding == Encoding::delta_binary_packed && integers) {
        Bytes in(bytes);
        const auto deltas = decode_delta(in, count);
        check(deltas.size() == count, "a page has ", deltas.size(), " deltas for ", count, " values");
        for (const int64_t value : deltas)
            out.items.push_back(integer(leaf.type == Physical::int32 ? static_cast<int32_t>(value) : value));
    } else if (encoding == Encoding::delta_length_byte_array && strings) {
        Bytes in(bytes);
        for (const auto value : decode_delta_lengths(in, count)) out.items.push_back(text(value));
    } else if (encoding == Encoding::delta_byte_array && strings) {
        decode_delta_bytes(bytes, count, out);
    } else if (encoding == Encoding::byte_stream_split) {
        decode_split(leaf, bytes, count, out);
    } else {
        fail("the encoding ", static_cast<int>(encoding), " of the column ", leaf.name, " is not known");
    }
    const bool fixed = leaf.type == Physical::fixed_bytes;
    for (const Value& value : out.items)
        check(!fixed || value.bytes.size() == static_cast<size_t>(leaf.fixed_size), "a value of the column ",
              leaf.name, " has a length of its own");
}

}  // namespace r1::parquet
