// Control groups, on a copy of the kernel's folders.
#include "sandbox/cgroup.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "core/check.h"
#include "core/files.h"

namespace r1::sandbox {
namespace {

// Where no controller is handed down a new group lacks its files: so it is in a plain folder.
TEST(Cgroup, AbsentOrWithoutControllersIsNothing) {
    const fs::path root = fs::path(testing::TempDir()) / cat("cgroup-", ::getpid());
    fs::create_directories(root / "user/session");
    EXPECT_FALSE(Cgroup::make(root, root / "own"));
    std::ofstream(root / "own") << "4:memory:/x\n0::/user/session\n";
    EXPECT_FALSE(Cgroup::make(root, root / "own")) << "not cgroup v2";
    std::ofstream(root / "cgroup.controllers") << "memory pids\n";
    EXPECT_FALSE(Cgroup::make(root, root / "own"));
    EXPECT_TRUE(fs::is_empty(root / "user/session")) << "what was made is removed";
    fs::remove_all(root);
}

}  // namespace
}  // namespace r1::sandbox
