#include "data/rows.h"

#include <gtest/gtest.h>

#include "core/check.h"
#include "core/files.h"
#include "data/load.h"
#include "formats/temp_folder.h"

namespace r1 {
namespace {

class Rows : public testing::Test {
  protected:
    fs::path temporary(const std::string& name, const std::string& bytes) {
        const fs::path path = folder_ / name;
        write_quickly(path, bytes);
        return path;
    }
    TempFolder folder_;
};

TEST_F(Rows, LinesEndAtNewlinesAloneAndBadOnesAreNamed) {
    const fs::path path = temporary("lines.jsonl",
                                    "{\"prompt\":\"a\u2028b\u0085c\",\"label\":\"1\"}\r\n\nnot json\n"
                                    "{\"prompt\":\"q\",\"label\":\" \"}\n{\"prompt\":\"q\",\"label\":\"2\"}");
    const LoadedData data = load_examples(path);
    ASSERT_EQ(data.examples.size(), 2u);
    EXPECT_EQ(data.examples[0].question, "a\u2028b\u0085c");
    EXPECT_EQ(data.skipped, 2u);
    ASSERT_EQ(data.problems.size(), 2u);
    EXPECT_NE(data.problems[0].find(":3: the row is not valid JSON"), std::string::npos) << data.problems[0];
    EXPECT_NE(data.problems[1].find(":4: the gold"), std::string::npos) << data.problems[1];
    EXPECT_THROW(load_examples(temporary("empty.jsonl", "\n\n")), Error);
    EXPECT_THROW(load_examples(temporary("useless.jsonl", "{\"a\":1}\n")), Error);
    EXPECT_THROW(load_examples("/nowhere.jsonl"), Error);
    EXPECT_THROW(load_examples(temporary("deep.jsonl", std::string(1 << 20, '['))), Error);
}

TEST_F(Rows, Gzip) {
    // printf '{"prompt":"q","label":"5"}\n' | gzip -n
    const std::string packed(
        "\x1f"
        "\x8b"
        "\x08"
        "\x00"
        "\x00"
        "\x00"
        "\x00"
        "\x00"
        "\x00"
        "\x03"
        "\xab"
        "\x56"
        "\x2a"
        "\x28"
        "\xca"
        "\xcf"
        "\x2d"
        "\x28"
        "\x51"
        "\xb2"
        "\x52"
        "\x2a"
        "\x54"
        "\xd2"
        "\x51"
        "\xca"
        "\x49"
        "\x4c"
        "\x4a"
        "\xcd"
        "\x01"
        "\xb2"
        "\x4d"
        "\x95"
        "\x6a"
        "\xb9"
        "\x00"
        "\x0a"
        "\xa5"
        "\x7e"
        "\x60"
        "\x1b"
        "\x00"
        "\x00"
        "\x00",
        45);
    const LoadedData data = load_examples(temporary("small.jsonl.gz", packed));
    ASSERT_EQ(data.examples.size(), 1u);
    EXPECT_EQ(data.examples[0].gold, "5");
    EXPECT_EQ(load_examples(temporary("twice.jsonl.gz", packed + packed)).examples.size(), 2u);
    for (size_t size = 2; size < packed.size(); ++size)
        EXPECT_THROW(load_examples(temporary("cut.jsonl.gz", packed.substr(0, size))), Error) << size;
    EXPECT_THROW(read_text_file(temporary("small.jsonl.gz", packed), 10), Error);
}

TEST_F(Rows, Arrays) {
    std::vector<std::string> where, texts, bad;
    const auto read = [&](const std::string& text) {
        where.clear(), texts.clear(), bad.clear();
        return for_each_row(
            temporary("rows.json", text),
            [&](Row& row) {
                where.push_back(row.where.substr(row.where.rfind('/')));
                texts.push_back(row.json());
            },
            [&](const std::string& problem) { bad.push_back(problem); });
    };
    EXPECT_EQ(read("\xef\xbb\xbf [\n {\"a\": \"]}, \\\" [\"},\n\n{\"b\": [1,\n {}]}, nonsense ,3]\n"),
              "JSON array");
    EXPECT_EQ(where, (std::vector<std::string>{"/rows.json:2", "/rows.json:4", "/rows.json:5"}));
    EXPECT_EQ(texts, (std::vector<std::string>{"{\"a\": \"]}, \\\" [\"}", "{\"b\": [1,\n {}]}", "3"}));
    ASSERT_EQ(bad.size(), 1u);
    EXPECT_NE(bad[0].find("rows.json:5: "), std::string::npos) << bad[0];
    read("[]");
    EXPECT_TRUE(texts.empty() && bad.empty());
    for (const char* broken : {"[", "[{}", "[{]", "[1] 2", "[\"", "[{\"a\":\"]"})
        EXPECT_THROW(read(broken), Error) << broken;
}

TEST_F(Rows, ParquetRowsAreNumbered) {
    const fs::path golden = fs::path(R1_SOURCE_DIR) / "tests/golden/parquet";
    const LoadedData data = load_examples(golden / "pyarrow_many.parquet");
    ASSERT_EQ(data.examples.size(), 5000u);
    EXPECT_EQ(data.file_kind, "Parquet");
    EXPECT_TRUE(data.where[4999].ends_with("pyarrow_many.parquet: row 5000")) << data.where[4999];
    EXPECT_EQ(data.examples[17].question, "How many?");
    const LoadedData verl = load_examples(golden / "polars.parquet");
    EXPECT_EQ(verl.examples.size(), 40u);
    EXPECT_EQ(verl.examples[1].format, "verl");
    EXPECT_EQ(verl.examples[1].messages.size(), 2u);
    EXPECT_EQ(verl.examples[1].gold, "2");
    EXPECT_EQ(verl.examples[1].source, "toy");
    const std::string good = read_file(golden / "polars.parquet");
    const std::string error =
        error_of([&] { load_examples(temporary("cut.parquet", good.substr(0, good.size() / 2))); });
    EXPECT_NE(error.find("cut.parquet: not readable as Parquet"), std::string::npos) << error;
}

TEST_F(Rows, Zstd) {
    // printf '{"prompt":"q","label":"5"}\n' | zstd
    const std::string packed(
        "\x28\xb5\x2f\xfd\x04\x58\xd9\x00\x00\x7b\x22\x70\x72\x6f\x6d\x70\x74\x22\x3a\x22"
        "\x71\x22\x2c\x22\x6c\x61\x62\x65\x6c\x22\x3a\x22\x35\x22\x7d\x0a\x37\x06\x7e\x0a",
        40);
    const LoadedData data = load_examples(temporary("small.jsonl.zst", packed));
    ASSERT_EQ(data.examples.size(), 1u);
    EXPECT_EQ(data.file_kind, "JSON lines, zstd");
    EXPECT_EQ(data.examples[0].gold, "5");
}

}  // namespace
}  // namespace r1
