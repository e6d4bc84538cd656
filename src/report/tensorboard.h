// TensorBoard event files, written by hand: a file is a sequence of TFRecords
//   uint64 length | uint32 masked_crc32c(length) | bytes[length] | uint32 masked_crc32c(bytes)      (little
//   endian)
// each the protobuf message `Event` (tensorflow/core/util/event.proto).
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/files.h"

namespace r1 {

uint32_t crc32c(std::string_view bytes);         // Castagnoli polynomial, RFC 3720
uint32_t masked_crc32c(std::string_view bytes);  // ((crc >> 15) | (crc << 17)) + 0xa282ead8

class TensorBoardWriter {
  public:
    // Creates `folder` if need be and a new event file in it, named after `wall_time_start` (seconds since
    // 1970), so that a later process' file sorts after an earlier one's. An existing file is never touched.
    // With `purge_step`, readers discard what earlier files say of that step and of later ones: a run resumed
    // after step N passes N + 1. Throws Error if the file cannot be written.
    TensorBoardWriter(const fs::path& folder, double wall_time_start, const std::string& suffix,
                      std::optional<int64_t> purge_step = {});
    ~TensorBoardWriter();  // flushes; errors are lost: call flush() first

    void scalar(std::string_view tag, int64_t step, double value);  // kept until flush()
    void flush();
    const fs::path& path() const { return path_; }

  private:
    double wall_time() const;
    void append(const std::string& event);

    double wall_time_start_;
    double start_ = seconds_now();
    fs::path path_;
    std::optional<FileWriter> file_;
    std::string pending_;
};

}  // namespace r1
