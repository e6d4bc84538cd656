#include "core/files.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>

#include "core/check.h"

namespace r1 {
namespace {

std::string error_of(const std::function<void()>& act) {
    try {
        act();
    } catch (const Error& error) {
        return error.what();
    }
    return "no error";
}

// The largest file that this process may write, for a scope: a full disk without one.
class FileLimit {
  public:
    explicit FileLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
        ::getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit limit{bytes, before_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &limit);
    }
    ~FileLimit() {
        ::setrlimit(RLIMIT_FSIZE, &before_);
        std::signal(SIGXFSZ, handler_);
    }

  private:
    void (*handler_)(int);
    rlimit before_{};
};

struct FilesTest : testing::Test {
    fs::path folder;
    void SetUp() override {
        std::string pattern = (fs::temp_directory_path() / "r1-files-XXXXXX").string();
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        folder = pattern;
    }
    void TearDown() override { fs::remove_all(folder); }
};

TEST_F(FilesTest, WritesAndReads) {
    const fs::path path = folder / "a b.bin";
    const std::string bytes("x\0\n\xff", 4);
    write_file(path, bytes);
    EXPECT_EQ(read_file(path), bytes);
    EXPECT_EQ(MappedFile(path).bytes().size(), 4u);
    write_file(path, "");
    EXPECT_EQ(read_file(path), "");
    EXPECT_TRUE(MappedFile(path).text().empty());
    EXPECT_EQ(std::distance(fs::directory_iterator(folder), {}), 1);
}

TEST_F(FilesTest, ReadErrorsNameThePathAndTheReason) {
    EXPECT_EQ(error_of([&] { read_file(folder / "none"); }),
              "cannot open " + (folder / "none").string() + ": No such file or directory; check the path");
    EXPECT_EQ(error_of([&] { read_file(folder); }),
              "cannot read " + folder.string() + ": it is not a regular file");
    EXPECT_EQ(error_of([&] { read_file("/dev/null"); }), "cannot read /dev/null: it is not a regular file");
}

TEST_F(FilesTest, AFailedWriteLeavesTheOldFile) {
    const fs::path path = folder / "kept";
    write_file(path, "old");
    std::string text;
    {
        const FileLimit limit(1000);
        text = error_of([&] { write_file(path, std::string(100'000, 'x')); });
    }
    EXPECT_TRUE(text.starts_with("cannot write " + path.string())) << text;
    EXPECT_EQ(read_file(path), "old");
    EXPECT_EQ(std::distance(fs::directory_iterator(folder), {}), 1) << "the temporary file is left";
}

TEST_F(FilesTest, AFailureOfTheWriterOfAFileLeavesTheOldOne) {
    const fs::path path = folder / "kept";
    write_file(path, "old");
    EXPECT_THROW(write_file(path,
                            [](FileWriter& file) {
                                file.write("half", 4);
                                fail("no more");
                            }),
                 Error);
    EXPECT_EQ(read_file(path), "old");
    EXPECT_EQ(std::distance(fs::directory_iterator(folder), {}), 1);
}

TEST_F(FilesTest, AFullDiskSaysWhatToDo) {
    const auto write = [] {
        FileWriter file("/dev/full");
        file.write("x", 1);
    };
    EXPECT_EQ(
        error_of(write),
        "cannot write /dev/full: No space left on device; free some space, then run again with --resume");
    EXPECT_THROW(LineWriter("/dev/full").append("x"), Error);
    EXPECT_THROW(write_file(folder / "no" / "such" / "folder", "x"), Error);
}

TEST_F(FilesTest, LinesAreAppended) {
    const fs::path path = folder / "lines";
    LineWriter(path).append("one");
    LineWriter writer(path);
    writer.append("");
    writer.append("three");
    writer.sync();
    EXPECT_EQ(read_file(path), "one\n\nthree\n");
}

TEST_F(FilesTest, AFolderIsPublishedWhole) {
    fs::create_directory(folder / "tmp");
    write_file(folder / "tmp" / "a", "1");
    publish_folder(folder / "tmp", folder / "final");
    EXPECT_FALSE(fs::exists(folder / "tmp"));
    EXPECT_EQ(read_file(folder / "final" / "a"), "1");
    fs::create_directory(folder / "tmp");
    EXPECT_THROW(publish_folder(folder / "tmp", folder / "final"), Error);
    EXPECT_EQ(read_file(folder / "final" / "a"), "1");
}

}  // namespace
}  // namespace r1
