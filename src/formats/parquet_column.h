// One column of a row group, entry by entry; its pages are unpacked one at a time.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "formats/parquet_encodings.h"

namespace r1::parquet {

class ColumnReader {
  public:
    ColumnReader(std::string_view file, const Node& leaf, const ColumnChunk& chunk);

    // The present entry. At the end rep() is 0, as at the beginning of a row.
    bool done() const { return left_ == 0; }
    int def() const { return def_.empty() ? leaf_.max_def : def_[at_]; }
    int rep() const { return left_ == 0 || rep_.empty() ? 0 : rep_[at_]; }
    const Value& value() const;  // of an entry whose def() is the leaf's max_def
    void next();                 // throws at the end

    const Node& leaf() const { return leaf_; }

  private:
    struct PageHeader {
        int type = -1, packed = -1, unpacked = -1, values = -1;
        int encoding = -1, def_encoding = 3, rep_encoding = 3;
        int def_bytes = 0, rep_bytes = 0;
        bool compressed = true;
    };
    PageHeader read_header();
    void load_page();
    void read_dictionary(const PageHeader& header, std::string_view body);
    void read_data(const PageHeader& header, std::string_view body);
    std::string unpack(std::string_view body, int size) const;
    void set_values(Encoding encoding, std::string_view bytes);

    std::string_view rest_;  // the pages not yet read
    const Node& leaf_;
    int codec_;
    int64_t left_;  // entries from the present one
    std::string page_, dictionary_page_;
    Values dictionary_, plain_;
    bool has_dictionary_ = false, indexed_ = false;
    std::vector<uint8_t> def_, rep_;  // of the page; empty where the leaf has only one level
    std::vector<uint32_t> indexes_;
    size_t at_ = 0, size_ = 0, value_ = 0;  // the entry and its value within the page; entries of the page
};

}  // namespace r1::parquet
