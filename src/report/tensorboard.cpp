#include "report/tensorboard.h"

#include <array>
#include <bit>
#include <system_error>
#include <utility>

#include "core/check.h"
#include "report/terminal_text.h"

namespace r1 {
namespace {

constexpr std::array<uint32_t, 256> crc32c_table() {
    std::array<uint32_t, 256> table{};
    for (uint32_t i = 0; i < 256; ++i) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
        table[i] = crc;
    }
    return table;
}

template <class T>
std::string little_endian(T value) {
    std::string bytes;
    for (size_t i = 0; i < sizeof(T); ++i) bytes += static_cast<char>(value >> 8 * i & 0xff);
    return bytes;
}

// Protobuf wire format: a field is varint(number << 3 | type) and its value.
std::string varint(uint64_t value) {
    std::string bytes;
    for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
    return bytes + static_cast<char>(value);
}
std::string key(unsigned number, unsigned type) {
    return varint(number << 3 | type);
}
std::string varint_field(unsigned number, int64_t value) {
    return key(number, 0) + varint(static_cast<uint64_t>(value));
}
std::string double_field(unsigned number, double value) {
    return key(number, 1) + little_endian(std::bit_cast<uint64_t>(value));
}
std::string float_field(unsigned number, float value) {
    return key(number, 5) + little_endian(std::bit_cast<uint32_t>(value));
}
std::string bytes_field(unsigned number, std::string_view value) {
    return key(number, 2) + varint(value.size()) + std::string(value);
}

// Event: 1 wall_time, 2 step, 3 file_version, 5 summary, 7 session_log.
std::string event(double wall_time, int64_t step, const std::string& what) {
    return double_field(1, wall_time) + varint_field(2, step) + what;
}

fs::path new_file(const fs::path& folder, double wall_time_start, const std::string& suffix) {
    std::error_code error;
    fs::create_directories(folder, error);
    check(!error, "cannot create the folder ", folder.string(), ": ", error.message());
    std::string seconds = std::to_string(static_cast<int64_t>(wall_time_start));
    seconds.insert(0, seconds.size() < 10 ? 10 - seconds.size() : 0, '0');
    for (int number = 0;; ++number) {
        const fs::path path = folder / cat("events.out.tfevents.", seconds, ".", number, ".", suffix);
        if (!fs::exists(path)) return path;
    }
}

}  // namespace

uint32_t crc32c(std::string_view bytes) {
    static constexpr auto table = crc32c_table();
    uint32_t crc = 0xffffffffu;
    for (const char byte : bytes) crc = crc >> 8 ^ table[(crc ^ static_cast<unsigned char>(byte)) & 0xff];
    return ~crc;
}

uint32_t masked_crc32c(std::string_view bytes) {
    const uint32_t crc = crc32c(bytes);
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

TensorBoardWriter::TensorBoardWriter(const fs::path& folder, double wall_time_start,
                                     const std::string& suffix, std::optional<int64_t> purge_step)
    : wall_time_start_(wall_time_start), path_(new_file(folder, wall_time_start, suffix)) {
    file_.emplace(path_);
    append(event(wall_time_start, 0, bytes_field(3, "brain.Event:2")));
    if (purge_step) {
        const std::string start = varint_field(1, 1);  // SessionLog.status = START
        append(event(wall_time_start, *purge_step, bytes_field(7, start)));
    }
    flush();
}

TensorBoardWriter::~TensorBoardWriter() {
    try {
        flush();
    } catch (const Error&) {  // a destructor may not throw
    }
}

void TensorBoardWriter::scalar(std::string_view tag, int64_t step, double value) {
    // Summary: 1 value { 1 tag, 2 simple_value }. Readers refuse a tag that is not valid UTF-8.
    const std::string one = bytes_field(1, printable(tag)) + float_field(2, static_cast<float>(value));
    append(event(wall_time(), step, bytes_field(5, bytes_field(1, one))));
}

void TensorBoardWriter::flush() {
    const std::string bytes = std::exchange(pending_, {});
    file_->write(bytes.data(), bytes.size());
}

double TensorBoardWriter::wall_time() const {
    return wall_time_start_ + seconds_now() - start_;
}

void TensorBoardWriter::append(const std::string& event) {
    const std::string length = little_endian(static_cast<uint64_t>(event.size()));
    pending_ += length + little_endian(masked_crc32c(length)) + event + little_endian(masked_crc32c(event));
}

}  // namespace r1
