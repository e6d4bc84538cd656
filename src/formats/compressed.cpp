#include "formats/compressed.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <memory>

#include "core/check.h"

namespace r1 {
namespace {

void append(std::string& out, const char* bytes, size_t size, size_t most) {
    check(size <= most - out.size(), "it unpacks to more than ", most, " bytes");
    out.append(bytes, size);
}

std::string gunzip(std::string_view bytes, size_t most) {
    z_stream stream{};
    check(inflateInit2(&stream, 16 + MAX_WBITS) == Z_OK, "zlib does not start");
    const std::unique_ptr<z_stream, int (*)(z_stream*)> guard(&stream, inflateEnd);
    std::string out;
    std::array<char, 1 << 16> block{};
    size_t taken = 0;
    for (int state = Z_OK;;) {
        if (stream.avail_in == 0 && taken < bytes.size()) {
            const size_t piece = std::min<size_t>(bytes.size() - taken, 1 << 30);
            stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data() + taken));
            stream.avail_in = static_cast<uInt>(piece);
            taken += piece;
        }
        if (state == Z_STREAM_END) {  // another member may follow
            if (stream.avail_in == 0) return out;
            check(inflateReset(&stream) == Z_OK, "zlib does not start again");
        }
        stream.next_out = reinterpret_cast<Bytef*>(block.data());
        stream.avail_out = static_cast<uInt>(block.size());
        state = inflate(&stream, Z_NO_FLUSH);
        check(state == Z_OK || state == Z_STREAM_END,
              "it is not whole gzip: ", stream.msg ? stream.msg : "it ends too soon");
        append(out, block.data(), block.size() - stream.avail_out, most);
    }
}

std::string unzstd(std::string_view bytes, size_t most) {
    const std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
    check(context != nullptr, "zstd does not start");
    std::string out;
    std::string block(ZSTD_DStreamOutSize(), '\0');
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    for (size_t state = 1;;) {
        ZSTD_outBuffer piece{block.data(), block.size(), 0};
        state = ZSTD_decompressStream(context.get(), &piece, &in);
        check(!ZSTD_isError(state), "it is not whole zstd: ", ZSTD_getErrorName(state));
        append(out, block.data(), piece.pos, most);
        if (state == 0 && in.pos == in.size) return out;
        check(in.pos < in.size || piece.pos == piece.size, "it is not whole zstd: it ends too soon");
    }
}

// What both block formats are made of: literal bytes, and copies of what came out before.
class Block {
  public:
    Block(std::string_view bytes, size_t most) : bytes_(bytes), most_(most) {}

    bool done() const { return at_ == bytes_.size(); }
    uint32_t byte() {
        check(!done(), "it ends too soon");
        return static_cast<unsigned char>(bytes_[at_++]);
    }
    uint32_t little_endian(int count) {
        uint32_t value = 0;
        for (int i = 0; i < count; ++i) value |= byte() << (8 * i);
        return value;
    }
    void literal(size_t size) {
        check(size <= bytes_.size() - at_, "it ends too soon");
        append(out, bytes_.data() + at_, size, most_);
        at_ += size;
    }
    void copy(size_t distance, size_t size) {
        check(distance > 0 && distance <= out.size(), "it copies from before its start");
        check(size <= most_ - out.size(), "it unpacks to more than ", most_, " bytes");
        for (size_t i = 0; i < size; ++i) out.push_back(out[out.size() - distance]);  // may overlap
    }

    std::string out;

  private:
    std::string_view bytes_;
    size_t most_, at_ = 0;
};

// google/snappy, format_description.txt
std::string unsnappy(std::string_view bytes, size_t most) {
    Block block(bytes, most);
    uint64_t size = 0;
    for (int shift = 0;; shift += 7) {
        const uint32_t byte = block.byte();
        check(shift < 35, "the size of a snappy block is malformed");
        size |= uint64_t{byte & 127} << shift;
        if (byte < 128) break;
    }
    while (!block.done()) {
        const uint32_t tag = block.byte();
        const uint32_t high = tag >> 2;
        if ((tag & 3) == 0) {
            block.literal(size_t{high < 60 ? high : block.little_endian(static_cast<int>(high) - 59)} + 1);
        } else if ((tag & 3) == 1) {
            const uint32_t distance = (tag >> 5) << 8 | block.byte();
            block.copy(distance, (high & 7) + 4);
        } else {
            block.copy(block.little_endian((tag & 3) == 2 ? 2 : 4), size_t{high} + 1);
        }
    }
    check(block.out.size() == size, "a snappy block unpacks to ", block.out.size(), " bytes, not the ", size,
          " that it says");
    return std::move(block.out);
}

// lz4/lz4, doc/lz4_Block_format.md
std::string unlz4(std::string_view bytes, size_t most) {
    Block block(bytes, most);
    const auto length = [&](uint32_t nibble) {
        size_t size = nibble;
        for (uint32_t more = nibble == 15 ? 255 : 0; more == 255; size += more) more = block.byte();
        return size;
    };
    while (!block.done()) {
        const uint32_t token = block.byte();
        block.literal(length(token >> 4));
        if (block.done()) break;  // the last sequence has no copy
        const uint32_t distance = block.little_endian(2);
        block.copy(distance, length(token & 15) + 4);
    }
    return std::move(block.out);
}

}  // namespace

Compression compression_of(std::string_view bytes) {
    if (bytes.starts_with("\x1f\x8b")) return Compression::gzip;
    if (bytes.starts_with("\x28\xb5\x2f\xfd")) return Compression::zstd;
    return Compression::none;
}

std::string decompress(Compression compression, std::string_view bytes, size_t most_bytes) {
    switch (compression) {
        case Compression::gzip:
            return gunzip(bytes, most_bytes);
        case Compression::zstd:
            return unzstd(bytes, most_bytes);
        case Compression::snappy:
            return unsnappy(bytes, most_bytes);
        case Compression::lz4:
            return unlz4(bytes, most_bytes);
        default:
            check(bytes.size() <= most_bytes, "it has more than ", most_bytes, " bytes");
            return std::string(bytes);
    }
}

}  // namespace r1
