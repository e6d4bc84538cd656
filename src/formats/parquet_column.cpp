#include "formats/parquet_column.h"

#include <algorithm>

#include "core/check.h"
#include "formats/compressed.h"
#include "formats/parquet_thrift.h"

namespace r1::parquet {
namespace {

enum PageType : int { data_page = 0, index_page = 1, dictionary_page = 2, data_page_v2 = 3 };

Compression compression_of_codec(int codec) {
    switch (codec) {
        case 0:
            return Compression::none;
        case 1:
            return Compression::snappy;
        case 2:
            return Compression::gzip;
        case 6:
            return Compression::zstd;
        case 7:
            return Compression::lz4;
        default:
            fail("it is compressed by ",
                 codec == 3   ? "LZO"
                 : codec == 4 ? "Brotli"
                 : codec == 5 ? "LZ4 in Hadoop's frame"
                              : cat("codec ", codec),
                 ", which is not read; write it with zstd, snappy, gzip or lz4_raw");
    }
}

// Takes `size` bytes off the front.
std::string_view take(std::string_view& bytes, int64_t size) {
    check(size >= 0 && static_cast<uint64_t>(size) <= bytes.size(), "a page ends too soon");
    const std::string_view front = bytes.substr(0, static_cast<size_t>(size));
    bytes.remove_prefix(static_cast<size_t>(size));
    return front;
}

}  // namespace

ColumnReader::ColumnReader(std::string_view file, const Node& leaf, const ColumnChunk& chunk)
    : rest_(file.substr(static_cast<size_t>(chunk.begin), static_cast<size_t>(chunk.size))),
      leaf_(leaf),
      codec_(chunk.codec),
      left_(chunk.values) {
    if (left_ > 0) load_page();
}

const Value& ColumnReader::value() const {
    if (!indexed_) {
        check(value_ < plain_.items.size(), "a page has fewer values than it says");
        return plain_.items[value_];
    }
    check(value_ < indexes_.size() && indexes_[value_] < dictionary_.items.size(),
          "a page names a value that is not in the dictionary");
    return dictionary_.items[indexes_[value_]];
}

void ColumnReader::next() {
    check(left_ > 0, "the column ", leaf_.name, " ends before its rows");
    value_ += def() == leaf_.max_def;
    --left_;
    if (++at_ == size_ && left_ > 0) load_page();
}

ColumnReader::PageHeader ColumnReader::read_header() {
    using Thrift = ThriftReader;
    PageHeader header;
    Thrift in(rest_);
    // The fields of each kind's own structure have other numbers for the same things.
    const auto details = [&](std::initializer_list<int*> targets) {
        in.structure_fields([&](int id, Thrift::Type type) {
            const auto index = static_cast<size_t>(id - 1);
            if (type == Thrift::i32 && id >= 1 && index < targets.size() && targets.begin()[index]) {
                const int64_t value = in.integer();
                check(value >= 0 && value <= INT32_MAX, "a number of a page's header is out of range");
                *targets.begin()[index] = static_cast<int>(value);
            } else {
                if (id == 7 && type == Thrift::no) header.compressed = false;
                in.skip(type);
            }
        });
    };
    in.structure_fields([&](int id, Thrift::Type type) {
        if (type == Thrift::i32 && id >= 1 && id <= 3) {
            const int64_t value = in.integer();
            check(value >= 0 && value <= INT32_MAX, "a number of a page's header is out of range");
            (id == 1 ? header.type : id == 2 ? header.unpacked : header.packed) = static_cast<int>(value);
        } else if (id == 5 && type == Thrift::structure) {
            details({&header.values, &header.encoding, &header.def_encoding, &header.rep_encoding});
        } else if (id == 7 && type == Thrift::structure) {
            details({&header.values, &header.encoding});
        } else if (id == 8 && type == Thrift::structure) {
            details(
                {&header.values, nullptr, nullptr, &header.encoding, &header.def_bytes, &header.rep_bytes});
        } else {
            in.skip(type);
        }
    });
    rest_.remove_prefix(in.position());
    check(header.packed >= 0 && header.unpacked >= 0, "a page does not say its size");
    check(static_cast<size_t>(header.unpacked) <= kMostPageBytes, "a page of ", header.unpacked,
          " bytes; at most ", kMostPageBytes, " are read");
    return header;
}

void ColumnReader::load_page() {
    at_ = size_ = value_ = 0;
    while (size_ == 0) {
        check(!rest_.empty(), "the column ", leaf_.name, " has fewer pages than values");
        const PageHeader header = read_header();
        const std::string_view body = take(rest_, header.packed);
        if (header.type == dictionary_page) {
            read_dictionary(header, body);
        } else if (header.type == data_page || header.type == data_page_v2) {
            read_data(header, body);
        }
    }
}

std::string ColumnReader::unpack(std::string_view body, int size) const {
    std::string out = decompress(compression_of_codec(codec_), body, static_cast<size_t>(size));
    check(out.size() == static_cast<size_t>(size), "a page unpacks to ", out.size(), " bytes, not the ", size,
          " that it says");
    return out;
}

void ColumnReader::read_dictionary(const PageHeader& header, std::string_view body) {
    check(!has_dictionary_, "the column ", leaf_.name, " has two dictionaries");
    check(header.values >= 0 && leaf_.type != Physical::boolean, "a dictionary of no values");
    dictionary_page_ = unpack(body, header.unpacked);
    decode_values(Encoding::plain, leaf_, dictionary_page_, static_cast<size_t>(header.values), dictionary_);
    has_dictionary_ = true;
}

void ColumnReader::read_data(const PageHeader& header, std::string_view body) {
    check(header.values >= 0 && header.values <= left_, "a page holds more values than its column");
    const auto count = static_cast<size_t>(header.values);
    check(count <= kMostPageValues, "a page of ", count, " values; at most ", kMostPageValues, " are read");
    def_.clear(), rep_.clear();
    std::string_view values;
    if (header.type == data_page_v2) {  // levels come first, without sizes and never compressed
        const std::string_view rep = take(body, header.rep_bytes), def = take(body, header.def_bytes);
        if (leaf_.max_rep > 0) decode_levels(rep, leaf_.max_rep, count, rep_);
        if (leaf_.max_def > 0) decode_levels(def, leaf_.max_def, count, def_);
        const int levels = header.rep_bytes + header.def_bytes;
        check(header.unpacked >= levels, "a page has more levels than bytes");
        page_ =
            header.compressed && !body.empty() ? unpack(body, header.unpacked - levels) : std::string(body);
        values = page_;
    } else {
        page_ = unpack(body, header.unpacked);
        values = page_;
        const auto levels = [&](int max_level, int encoding, std::vector<uint8_t>& out) {
            if (max_level == 0) return;
            check(encoding == static_cast<int>(Encoding::rle), "the levels of the column ", leaf_.name,
                  " have an encoding that is no longer written");
            const std::string_view size = take(values, 4);
            uint32_t bytes = 0;
            for (size_t i = 0; i < 4; ++i) bytes |= uint32_t{static_cast<unsigned char>(size[i])} << (8 * i);
            decode_levels(take(values, bytes), max_level, count, out);
        };
        levels(leaf_.max_rep, header.rep_encoding, rep_);
        levels(leaf_.max_def, header.def_encoding, def_);
    }
    size_ = count;
    set_values(static_cast<Encoding>(header.encoding), values);
}

void ColumnReader::set_values(Encoding encoding, std::string_view bytes) {
    plain_.items.clear(), plain_.buffer.clear(), indexes_.clear();
    const auto present =
        leaf_.max_def == 0 ? size_ : static_cast<size_t>(std::count(def_.begin(), def_.end(), leaf_.max_def));
    indexed_ = encoding == Encoding::plain_dictionary || encoding == Encoding::rle_dictionary;
    if (!indexed_) return decode_values(encoding, leaf_, bytes, present, plain_);
    check(has_dictionary_, "the column ", leaf_.name, " has no dictionary");
    if (present == 0) return;
    const int width = static_cast<unsigned char>(take(bytes, 1)[0]);
    decode_hybrid(bytes, width, present, indexes_);
}

}  // namespace r1::parquet
