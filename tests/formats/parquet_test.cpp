#include "formats/parquet.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/check.h"
#include "core/files.h"
#include "formats/compressed.h"
#include "formats/temp_folder.h"

namespace r1 {
namespace {

using nlohmann::json;

const fs::path golden = fs::path(R1_SOURCE_DIR) / "tests/golden/parquet";

std::vector<json> rows_of(std::string_view file, size_t most = size_t{64} << 20) {
    std::vector<json> rows;
    for_each_parquet_row(
        file, [&](json& row) { rows.push_back(std::move(row)); }, most);
    return rows;
}

std::vector<json> wanted(const std::string& name) {
    std::vector<json> rows;
    const std::string text = read_file(golden / (name + ".jsonl"));
    for (size_t begin = 0; begin < text.size();) {
        const size_t end = text.find('\n', begin);
        rows.push_back(json::parse(text.substr(begin, end - begin)));
        begin = end + 1;
    }
    return rows;
}

void expect_rows(const std::string& file, const std::string& name) {
    const auto got = rows_of(read_file(golden / (file + ".parquet"))), want = wanted(name);
    ASSERT_EQ(got.size(), want.size()) << file;
    for (size_t i = 0; i < got.size(); ++i) {
        EXPECT_EQ(got[i].size(), want[i].size()) << file << " row " << i;
        for (const auto& [key, value] : want[i].items())
            EXPECT_EQ(got[i].value(key, json("absent")), value) << file << " row " << i << " " << key;
    }
}

TEST(Parquet, EveryCodecAndWriterGivesTheSameRows) {
    for (const char* file : {"pyarrow_none", "pyarrow_snappy", "pyarrow_gzip", "pyarrow_zstd", "pyarrow_lz4",
                             "polars", "polars_snappy", "duckdb"})
        expect_rows(file, "problems");
    expect_rows("duckdb_v2", "duckdb_v2");
    EXPECT_TRUE(rows_of(read_file(golden / "pyarrow_empty.parquet")).empty());
}

TEST(Parquet, EveryTypeAndEncoding) {
    expect_rows("pyarrow_types", "types");
    expect_rows("pyarrow_v2", "types");  // pages v2, no dictionaries, several row groups
    expect_rows("pyarrow_delta", "pyarrow_delta");
    expect_rows("pyarrow_old", "pyarrow_old");  // int96, lists with the older names
}

TEST(Parquet, ManyRowsOfOneValue) {
    const auto rows = rows_of(read_file(golden / "pyarrow_many.parquet")), want = wanted("pyarrow_many");
    ASSERT_EQ(rows.size(), 5000u);
    for (const json& row : want) EXPECT_EQ(rows[row["id"].get<size_t>()], row);
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
    for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
        text.replace(at, from.size(), to);
    return text;
}

TEST(Parquet, WhatIsNotReadIsNamed) {
    const auto error = [](const std::string& file) { return error_of([&] { rows_of(file); }); };
    EXPECT_NE(error(read_file(golden / "pyarrow_brotli.parquet")).find("Brotli"), std::string::npos);
    EXPECT_NE(error("PARE________PARE").find("encrypted"), std::string::npos);
    EXPECT_NE(error("PAR1").find("complete"), std::string::npos);
    EXPECT_NE(error("PAR1xxxxxxxxxxxx").find("PAR1"), std::string::npos);
    EXPECT_NE(error(std::string("PAR1\xff\xff\xff\x7fPAR1")).find("footer"), std::string::npos);
    // as their writers would mark them: a codec (field 4) of a column, and the encodings of a page's levels
    const std::string hadoop =
        replaced(read_file(golden / "pyarrow_lz4.parquet"), "\x15\x0e\x16", "\x15\x0a\x16");
    EXPECT_NE(error(hadoop).find("LZ4 in Hadoop's frame"), std::string::npos) << error(hadoop);
    const std::string packed =
        replaced(read_file(golden / "pyarrow_none.parquet"), "\x15\x06\x15\x06", "\x15\x08\x15\x08");
    EXPECT_NE(error(packed).find("the levels of the column"), std::string::npos) << error(packed);
    const std::string good = read_file(golden / "pyarrow_many.parquet");
    EXPECT_NE(error_of([&] { rows_of(good, 1000); }).find("too many bytes"), std::string::npos);
}

// Whatever is cut off or changed, there are rows or one Error: nothing else.
TEST(Parquet, DamagedFiles) {
    size_t errors = 0;
    const auto attempt = [&](const std::string& bytes) {
        try {
            for_each_parquet_row(
                bytes, [](json& row) { (void)row.dump(); }, size_t{1} << 20);
        } catch (const Error&) {
            ++errors;
        }
    };
    for (const char* name : {"pyarrow_many", "pyarrow_delta", "duckdb", "pyarrow_gzip"}) {
        const std::string good = read_file(golden / cat(name, ".parquet"));
        for (size_t size = 0; size < good.size(); size += 31) attempt(good.substr(0, size));
        EXPECT_EQ(errors, (good.size() + 30) / 31) << name;  // every truncation is seen
        for (size_t at = 4; at < good.size(); at += 13) {
            std::string bad = good;
            bad[at] = static_cast<char>(bad[at] ^ (1 << at % 8));
            attempt(bad);
        }
        errors = 0;
    }
}

TEST(Compressed, SnappyAndLz4Blocks) {
    const auto snappy = [](std::string_view bytes, size_t most = 100) {
        return decompress(Compression::snappy, bytes, most);
    };
    const auto lz4 = [](std::string_view bytes, size_t most = 100) {
        return decompress(Compression::lz4, bytes, most);
    };
    using namespace std::string_view_literals;
    // the size, "abc", a copy of 9 bytes from 3 back (it overlaps itself), "!"
    EXPECT_EQ(snappy("\x0d\x08"
                     "abc"
                     "\x15\x03"
                     "\x00!"sv),
              "abcabcabcabc!");
    EXPECT_EQ(snappy("\x0d\x08"
                     "abc"
                     "\x22\x03\x00"
                     "\x00!"sv),
              "abcabcabcabc!");
    EXPECT_EQ(snappy("\x00"sv), "");
    for (const auto bad : {"",
                           "\x0d\x08"
                           "abc",
                           "\x03\x08"
                           "ab",
                           "\x0d\x15\x03",
                           "\x04\x08"
                           "abc",
                           "\xff\xff\xff\xff\xff\xff"})
        EXPECT_THROW(snappy(bad), Error) << bad;
    EXPECT_THROW(snappy("\x0d\x08"
                        "abc"
                        "\x15\x03"
                        "\x00!"sv,
                        12),
                 Error);
    EXPECT_EQ(lz4("\x35"
                  "abc"
                  "\x03\x00"
                  "\x10!"sv),
              "abcabcabcabc!");
    EXPECT_EQ(lz4("\x00"sv), "");
    for (const auto bad : {"\x35"
                           "ab",
                           "\x35"
                           "abc\x04\x01",
                           "\x35"
                           "abc\x03",
                           "\xf0\xff\xff"})
        EXPECT_THROW(lz4(bad), Error) << bad;
    EXPECT_THROW(lz4("\x35"
                     "abc"
                     "\x03\x00"
                     "\x10!"sv,
                     5),
                 Error);
}

TEST(Compressed, Zstd) {
    // printf 'hello\n' | zstd | xxd -i
    const std::string packed("\x28\xb5\x2f\xfd\x04\x58\x31\x00\x00hello\n\x53\x88\xbd\x91", 19);
    ASSERT_EQ(compression_of(packed), Compression::zstd);
    EXPECT_EQ(decompress(Compression::zstd, packed, 100), "hello\n");
    EXPECT_EQ(decompress(Compression::zstd, packed + packed, 100), "hello\nhello\n");
    EXPECT_THROW(decompress(Compression::zstd, packed, 5), Error);
    for (size_t size = 1; size < packed.size(); ++size)
        EXPECT_THROW(decompress(Compression::zstd, packed.substr(0, size), 100), Error) << size;
}

}  // namespace
}  // namespace r1
