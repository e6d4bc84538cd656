// A folder of its own for one test, removed at the end.
#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <string_view>

#include "core/check.h"
#include "core/files.h"

namespace r1 {

class TempFolder {
  public:
    TempFolder() {
        const fs::path memory = "/dev/shm";  // where syncing a file costs nothing
        const fs::path parent = ::access(memory.c_str(), W_OK) == 0 ? memory : fs::temp_directory_path();
        std::string name = (parent / "r1-test-XXXXXX").string();
        if (!::mkdtemp(name.data())) fail("cannot make a folder in ", parent.string());
        path_ = name;
    }
    ~TempFolder() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    TempFolder(const TempFolder&) = delete;
    TempFolder& operator=(const TempFolder&) = delete;
    fs::path operator/(const std::string& name) const { return path_ / name; }
    const fs::path& path() const { return path_; }

  private:
    fs::path path_;
};

// Writes without write_file's fsync.
inline void write_quickly(const fs::path& path, std::string_view bytes) {
    FileWriter file(path);
    file.write(bytes.data(), bytes.size());
}

// Calls `probe` for the file cut to each shorter length, then for it with each bit of its first
// `header_bytes` flipped. The file is edited in place, which file systems do much faster than writing it
// anew.
template <class Truncated, class Flipped>
void damage_file(const fs::path& path, const std::string& good, size_t header_bytes,
                 const Truncated& truncated, const Flipped& flipped) {
    write_quickly(path, good);
    for (size_t size = good.size(); size-- > 0;) {
        fs::resize_file(path, size);
        truncated(size);
    }
    write_quickly(path, good);
    std::FILE* file = std::fopen(path.c_str(), "r+b");
    ASSERT_NE(file, nullptr);
    const auto put = [&](size_t at, int byte) {
        ASSERT_EQ(std::fseek(file, static_cast<long>(at), SEEK_SET), 0);
        ASSERT_EQ(std::fputc(byte, file), byte);
        ASSERT_EQ(std::fflush(file), 0);
    };
    for (size_t at = 0; at < header_bytes; ++at) {
        const int byte = static_cast<unsigned char>(good[at]);
        for (int bit = 0; bit < 8; ++bit) {
            put(at, byte ^ (1 << bit));
            flipped();
        }
        put(at, byte);
    }
    std::fclose(file);
}

// Runs `action` and returns the text of the Error that it must throw.
template <class Action>
std::string error_of(const Action& action) {
    try {
        action();
    } catch (const Error& error) {
        return error.what();
    }
    ADD_FAILURE() << "no error was thrown";
    return "";
}

}  // namespace r1
