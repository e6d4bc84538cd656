#include "cli/jsonl.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "cli/request.h"
#include "cli/verbs.h"

namespace r1::cli {
namespace {

// "[json.exception.parse_error.101] parse error at line 1, column 2: …" without its first word.
std::string plain(const nlohmann::json::exception& error) {
    const std::string text = error.what();
    const size_t end = text.find("] ");
    return text.starts_with("[json.exception") && end != std::string::npos ? text.substr(end + 2) : text;
}

template <class Json>
void print_json(const Json& value) {
    print(value.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
}

}  // namespace

bool LineReader::fill() {
    constexpr size_t kChunk = size_t{1} << 16;
    if (begin_ > 0) {
        buffer_.erase(0, begin_);
        searched_ -= begin_;
        begin_ = 0;
    }
    const size_t size = buffer_.size();
    buffer_.resize(size + kChunk);
    ssize_t got = 0;
    do {
        got = ::read(fd_, buffer_.data() + size, kChunk);
    } while (got < 0 && errno == EINTR);
    const int code = errno;
    buffer_.resize(size + static_cast<size_t>(std::max<ssize_t>(got, 0)));
    check(got >= 0, "cannot read standard input: ", std::strerror(code));
    end_ = got == 0;
    return !end_;
}

std::optional<std::string> LineReader::next() {
    for (;;) {
        const size_t newline = buffer_.find('\n', searched_);
        if (newline == std::string::npos) {
            searched_ = buffer_.size();
            if (!end_ && fill()) continue;
            if (begin_ == buffer_.size()) return std::nullopt;
        }
        const size_t stop = std::min(newline, buffer_.size());
        std::string line = buffer_.substr(begin_, stop - begin_);
        begin_ = searched_ = newline == std::string::npos ? stop : stop + 1;
        if (line.find_first_not_of(" \t\r") != std::string::npos) return line;
    }
}

bool LineReader::ready() {
    for (;;) {
        if (buffer_.find('\n', begin_) != std::string::npos || end_) return true;
        pollfd waiting{fd_, POLLIN, 0};
        if (::poll(&waiting, 1, 0) <= 0) return false;
        fill();
    }
}

void print_line(const nlohmann::json& value) {
    print_json(value);
}
void print_line(const nlohmann::ordered_json& value) {
    print_json(value);
}
void print_error(const std::string& text) {
    print_line(nlohmann::json{{"error", text}});
}

std::string error_of(const std::function<void()>& action) {
    try {
        action();
        return "";
    } catch (const Error& error) {
        return error.what();
    } catch (const nlohmann::json::exception& error) {
        return plain(error);
    }
}

int answer_lines(const Answer& answer) {
    LineReader reader(STDIN_FILENO);
    while (const auto line = reader.next()) {
        nlohmann::ordered_json out;
        const std::string error = error_of([&] { out = answer(parse_line(*line), *line); });
        if (error.empty()) {
            print_line(out);
        } else {
            print_error(error);
        }
    }
    return 0;
}

}  // namespace r1::cli
