#include "report/tensorboard.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <vector>

#include "core/check.h"

namespace r1 {
namespace {

// An independent reader of what is written: TFRecords and the protobuf wire format.
template <class T>
T take(std::string_view& bytes) {
    T value{};
    check(bytes.size() >= sizeof value, "truncated");
    std::memcpy(&value, bytes.data(), sizeof value);
    bytes.remove_prefix(sizeof value);
    return value;
}

std::vector<std::string> records(std::string_view file) {
    std::vector<std::string> out;
    while (!file.empty()) {
        const std::string_view length_bytes = file.substr(0, 8);
        const auto length = take<uint64_t>(file);
        EXPECT_EQ(take<uint32_t>(file), masked_crc32c(length_bytes));
        const std::string_view bytes = file.substr(0, length);
        file.remove_prefix(length);
        EXPECT_EQ(take<uint32_t>(file), masked_crc32c(bytes));
        out.emplace_back(bytes);
    }
    return out;
}

// Field number -> raw value: 8 or 4 bytes, the varint as 8 bytes, or the content.
std::map<int, std::string> fields(std::string_view message) {
    const auto varint = [&] {
        uint64_t value = 0;
        for (int shift = 0;; shift += 7) {
            const auto byte = take<uint8_t>(message);
            value |= static_cast<uint64_t>(byte & 0x7f) << shift;
            if (byte < 0x80) return value;
        }
    };
    std::map<int, std::string> out;
    while (!message.empty()) {
        const uint64_t key = varint();
        uint64_t size = key % 8 == 1 ? 8 : 4;
        if (key % 8 == 0) {
            const uint64_t value = varint();
            out[static_cast<int>(key / 8)] = std::string(reinterpret_cast<const char*>(&value), 8);
            continue;
        }
        if (key % 8 == 2) size = varint();
        out[static_cast<int>(key / 8)] = message.substr(0, size);
        message.remove_prefix(size);
    }
    return out;
}

template <class T>
T as(std::string_view bytes) {
    return take<T>(bytes);
}

fs::path fresh_folder(const char* name) {
    const fs::path folder = fs::path(testing::TempDir()) / name;
    fs::remove_all(folder);
    return folder;
}

TEST(TensorBoard, Crc32cKnownAnswers) {  // RFC 3720, appendix B.4
    EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
    EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);
    EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43u);
    EXPECT_EQ(crc32c(""), 0u);
    EXPECT_EQ(masked_crc32c(""), 0xa282ead8u);
}

TEST(TensorBoard, ScalarsReadBack) {
    const fs::path folder = fresh_folder("r1_tensorboard");
    TensorBoardWriter writer(folder, 1700000000.5, "zero");
    writer.scalar("reward", 3, 0.25);
    writer.scalar("eval/accuracy", 1 << 20, std::numeric_limits<double>::quiet_NaN());
    writer.scalar("bad \xff tag", 4, -1);
    writer.flush();

    const auto all = records(read_file(writer.path()));
    ASSERT_EQ(all.size(), 4u);
    const auto version = fields(all[0]);
    EXPECT_EQ(version.at(3), "brain.Event:2");
    EXPECT_EQ(as<double>(version.at(1)), 1700000000.5);
    const auto event = fields(all[1]);
    EXPECT_EQ(as<int64_t>(event.at(2)), 3);
    EXPECT_GE(as<double>(event.at(1)), 1700000000.5);
    const auto value = fields(fields(event.at(5)).at(1));
    EXPECT_EQ(value.at(1), "reward");
    EXPECT_EQ(as<float>(value.at(2)), 0.25f);
    const auto nothing = fields(fields(fields(all[2]).at(5)).at(1));
    EXPECT_EQ(as<int64_t>(fields(all[2]).at(2)), 1 << 20);
    EXPECT_TRUE(std::isnan(as<float>(nothing.at(2))));
    EXPECT_EQ(fields(fields(fields(all[3]).at(5)).at(1)).at(1), "bad \uFFFD tag");
}

TEST(TensorBoard, AResumedRunWritesANewFileThatSortsLaterAndPurges) {
    const fs::path folder = fresh_folder("r1_tensorboard_resume");
    const TensorBoardWriter first(folder, 999999999, "zero"), same_second(folder, 999999999, "zero", 11);
    const TensorBoardWriter later(folder, 1700000000, "zero", 12);
    EXPECT_LT(first.path(), same_second.path());
    EXPECT_LT(same_second.path(), later.path());
    const auto all = records(read_file(same_second.path()));
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(as<int64_t>(fields(all[1]).at(2)), 11);
    EXPECT_EQ(as<int64_t>(fields(fields(all[1]).at(7)).at(1)), 1);  // SessionLog.START
    EXPECT_EQ(records(read_file(first.path())).size(), 1u);
}

TEST(TensorBoard, AFolderThatCannotBeMadeIsOneClearError) {
    const fs::path folder = fresh_folder("r1_tensorboard_file");
    write_file(folder, "a file");
    try {
        TensorBoardWriter writer(folder, 1, "zero");
        FAIL();
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("r1_tensorboard_file"), std::string::npos) << error.what();
    }
}

}  // namespace
}  // namespace r1
