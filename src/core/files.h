// Files: whole reads, memory maps, and writes that are complete or absent (temporary file, fsync, rename).
#pragma once
#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace r1 {

namespace fs = std::filesystem;

std::string read_file(const fs::path& path);  // throws, naming the path and the system's reason

// Read-only map of a whole file. An empty file maps to an empty span.
class MappedFile {
  public:
    explicit MappedFile(const fs::path& path);
    ~MappedFile();
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;
    std::span<const std::byte> bytes() const { return {data_, size_}; }
    std::string_view text() const { return {reinterpret_cast<const char*>(data_), size_}; }

  private:
    const std::byte* data_ = nullptr;
    size_t size_ = 0;
};

// Writes a file piece by piece; on close() it is fsynced. A failed write throws and names the path.
class FileWriter {
  public:
    explicit FileWriter(const fs::path& path);
    ~FileWriter();
    FileWriter(const FileWriter&) = delete;
    FileWriter& operator=(const FileWriter&) = delete;
    void write(const void* data, size_t size);
    void close();

  private:
    fs::path path_;
    int fd_ = -1;
};

// Writes path.tmp, fsyncs it, renames it over path, fsyncs the folder: a reader sees the old or the new file.
void write_file(const fs::path& path, std::string_view bytes);
void write_file(const fs::path& path, const std::function<void(FileWriter&)>& write_content);

void sync_folder(const fs::path& folder);
// Makes `to` from the finished folder `from` in one step (fsync, rename, fsync the parent); `to` may not
// exist.
void publish_folder(const fs::path& from, const fs::path& to);
// Calls `fill` with the empty folder path.tmp, then publishes it as `path`, which may not exist or is empty:
// complete or absent. The files that `fill` writes must be fsynced, as write_file's are.
void write_folder(const fs::path& path, const std::function<void(const fs::path&)>& fill);
// Makes the folder and its parents; removes a file or a folder with all that is in it. Both are content if
// there is nothing to do, and throw, naming the path, if they cannot.
void make_folder(const fs::path& path);
void remove_path(const fs::path& path);
std::vector<fs::path> list_folder(const fs::path& folder);  // sorted; empty if there is no such folder

// Appends lines to a file; each append is one write() call.
class LineWriter {
  public:
    explicit LineWriter(const fs::path& path);
    ~LineWriter();
    LineWriter(const LineWriter&) = delete;
    LineWriter& operator=(const LineWriter&) = delete;
    void append(std::string_view line);  // without the newline
    void sync();

  private:
    fs::path path_;
    int fd_ = -1;
};

}  // namespace r1
