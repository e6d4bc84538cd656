#include "core/files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/check.h"

namespace r1 {
namespace {

[[noreturn]] void fail_errno(const char* what, const fs::path& path) {
    const int code = errno;
    const char* hint = code == ENOSPC || code == EDQUOT ? "; free some space, then run again with --resume"
                       : code == ENOENT                 ? "; check the path"
                       : code == EACCES                 ? "; check the permissions"
                                                        : "";
    fail("cannot ", what, " ", path.string(), ": ", std::strerror(code), hint);
}

void write_all(int fd, const void* data, size_t size, const fs::path& path) {
    const char* bytes = static_cast<const char*>(data);
    while (size > 0) {
        const ssize_t wrote = ::write(fd, bytes, size);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0) fail_errno("write", path);
        bytes += wrote;
        size -= static_cast<size_t>(wrote);
    }
}

int open_or_fail(const fs::path& path, int flags, const char* what) {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
    if (fd < 0) fail_errno(what, path);
    return fd;
}

}  // namespace

MappedFile::MappedFile(const fs::path& path) {
    const int fd = open_or_fail(path, O_RDONLY, "open");
    struct stat info {};
    if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        ::close(fd);
        fail("cannot read ", path.string(), ": it is not a regular file");
    }
    size_ = static_cast<size_t>(info.st_size);
    if (size_ > 0) {
        void* data = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED) {
            ::close(fd);
            fail_errno("map", path);
        }
        data_ = static_cast<const std::byte*>(data);
    }
    ::close(fd);
}

MappedFile::~MappedFile() {
    if (data_) ::munmap(const_cast<std::byte*>(data_), size_);
}

std::string read_file(const fs::path& path) {
    return std::string(MappedFile(path).text());
}

FileWriter::FileWriter(const fs::path& path) : path_(path) {
    fd_ = open_or_fail(path, O_WRONLY | O_CREAT | O_TRUNC, "create");
}

FileWriter::~FileWriter() {
    if (fd_ >= 0) ::close(fd_);
}

void FileWriter::write(const void* data, size_t size) {
    write_all(fd_, data, size, path_);
}

void FileWriter::close() {
    const int fd = std::exchange(fd_, -1);
    const bool ok = ::fsync(fd) == 0;
    if (::close(fd) != 0 || !ok) fail_errno("write", path_);
}

void sync_folder(const fs::path& folder) {
    const int fd = open_or_fail(folder.empty() ? fs::path(".") : folder, O_RDONLY | O_DIRECTORY, "open");
    ::fsync(fd);  // not every file system can; the rename is still atomic
    ::close(fd);
}

void write_file(const fs::path& path, std::string_view bytes) {
    write_file(path, [&](FileWriter& file) { file.write(bytes.data(), bytes.size()); });
}

void write_file(const fs::path& path, const std::function<void(FileWriter&)>& write_content) {
    const fs::path temporary = path.string() + ".tmp";
    try {
        FileWriter file(temporary);
        write_content(file);
        file.close();
        if (::rename(temporary.c_str(), path.c_str()) != 0) fail_errno("rename a file to", path);
    } catch (...) {
        ::unlink(temporary.c_str());
        throw;
    }
    sync_folder(path.parent_path());
}

void publish_folder(const fs::path& from, const fs::path& to) {
    sync_folder(from);
    if (::rename(from.c_str(), to.c_str()) != 0) fail_errno("rename a folder to", to);
    sync_folder(to.parent_path());
}

void make_folder(const fs::path& path) {
    std::error_code error;
    fs::create_directories(path, error);
    check(!error, "cannot make the folder ", path.string(), ": ", error.message());
}

void remove_path(const fs::path& path) {
    std::error_code error;
    fs::remove_all(path, error);
    check(!error, "cannot remove ", path.string(), ": ", error.message());
}

std::vector<fs::path> list_folder(const fs::path& folder) {
    std::vector<fs::path> paths;
    std::error_code error;
    fs::directory_iterator it(folder, error);
    if (error == std::errc::no_such_file_or_directory) return paths;
    for (; !error && it != fs::directory_iterator(); it.increment(error)) paths.push_back(it->path());
    check(!error, "cannot list the folder ", folder.string(), ": ", error.message());
    std::sort(paths.begin(), paths.end());
    return paths;
}

void write_folder(const fs::path& path, const std::function<void(const fs::path&)>& fill) {
    const fs::path to = path.has_filename() ? path : path.parent_path();  // also of "out/"
    std::error_code error;
    check(!fs::exists(to, error) || fs::is_empty(to, error), "cannot write the folder ", to.string(),
          ": it is there already; choose another path, or remove it first");
    const fs::path temporary = to.string() + ".tmp";
    remove_path(temporary);
    make_folder(temporary);
    try {
        fill(temporary);
        publish_folder(temporary, to);
    } catch (...) {
        fs::remove_all(temporary, error);
        throw;
    }
}

LineWriter::LineWriter(const fs::path& path) : path_(path) {
    fd_ = open_or_fail(path, O_WRONLY | O_CREAT | O_APPEND, "append to");
}

LineWriter::~LineWriter() {
    if (fd_ >= 0) ::close(fd_);
}

void LineWriter::append(std::string_view line) {
    std::string text(line);
    text += '\n';
    write_all(fd_, text.data(), text.size(), path_);
}

void LineWriter::sync() {
    if (::fsync(fd_) != 0) fail_errno("write", path_);
}

}  // namespace r1
