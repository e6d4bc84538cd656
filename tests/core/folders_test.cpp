// Folders that are complete or absent.
#include <gtest/gtest.h>
#include <unistd.h>

#include "core/check.h"
#include "core/files.h"

namespace r1 {
namespace {

class Folders : public testing::Test {
  protected:
    Folders() { make_folder(root_); }
    ~Folders() override { remove_path(root_); }
    std::vector<std::string> names() const {
        std::vector<std::string> result;
        for (const auto& path : list_folder(root_)) result.push_back(path.filename());
        return result;
    }
    const fs::path root_ = fs::temp_directory_path() / cat("r1-folders-", ::getpid());
};
using Names = std::vector<std::string>;

TEST_F(Folders, WrittenCompleteOrNotAtAll) {
    const auto fill = [](const fs::path& to) {
        EXPECT_TRUE(fs::is_empty(to));
        write_file(to / "b", "2");
        write_file(to / "a", "1");
    };
    make_folder(root_ / "new.tmp/left");  // by an interrupted run
    write_folder(root_ / "new/", fill);
    EXPECT_EQ(names(), Names{"new"});
    EXPECT_EQ(list_folder(root_ / "new"), (std::vector<fs::path>{root_ / "new/a", root_ / "new/b"}));
    EXPECT_THROW(write_folder(root_ / "new", fill), Error);
    EXPECT_THROW(write_folder(root_ / "other",
                              [&](const fs::path& to) {
                                  fill(to);
                                  fail("no more");
                              }),
                 Error);
    EXPECT_EQ(names(), Names{"new"});
    make_folder(root_ / "empty");
    write_folder(root_ / "empty", fill);
    EXPECT_EQ(read_file(root_ / "empty/a"), "1");
}

TEST_F(Folders, ErrorsNameThePath) {
    write_file(root_ / "file", "");
    const fs::path below = root_ / "file/a";
    for (const auto& action :
         std::vector<std::function<void()>>{[&] { make_folder(below); }, [&] { list_folder(root_ / "file"); },
                                            [&] { write_folder(below, [](const fs::path&) {}); },
                                            [&] { write_folder(root_ / "file/", [](const fs::path&) {}); }}) {
        try {
            action();
            ADD_FAILURE() << "no error";
        } catch (const Error& error) {
            EXPECT_NE(std::string(error.what()).find((root_ / "file").string()), std::string::npos)
                << error.what();
        }
    }
    EXPECT_TRUE(list_folder(root_ / "none").empty());
    remove_path(root_ / "none");
    EXPECT_EQ(names(), Names{"file"});
}

}  // namespace
}  // namespace r1
