// The body: Content-Length (RFC 9112, 6.2), Transfer-Encoding (6.1), chunks (7.1).
#include "framing_cases.hpp"

namespace statetrackd::testing {
namespace {

using namespace std::string_literals;

std::string post(std::string_view fields, std::string_view body) {
    return "POST /echo HTTP/1.1\r\nHost: h\r\n" + std::string(fields) + "\r\n" + std::string(body);
}
std::string length(std::string_view value, std::string_view body) {
    return post("Content-Length: " + std::string(value) + "\r\n", body);
}
std::string coding(std::string_view value) {
    return post("Transfer-Encoding: " + std::string(value) + "\r\n", "3\r\nabc\r\n0\r\n\r\n");
}
std::string chunks(std::string_view body) { return post("Transfer-Encoding: chunked\r\n", body); }
std::string trailers(std::string_view lines) {
    return chunks("3\r\nabc\r\n0\r\n" + std::string(lines) + "\r\n");
}

std::string many_trailers(int count) {
    std::string lines;
    for (int i = 0; i < count; ++i) lines += "X: y\r\n";
    return lines;
}

}  // namespace

std::vector<framing_case> length_cases() {
    return {
        {"6.3: without either there is no body", post("", ""), 200, then::keeps, "<>"},
        {"6.2: a length of 0", length("0", ""), 200, then::keeps, "<>"},
        {"6.2: a length", length("3", "abc"), 200, then::keeps, "<abc>"},
        {"6.2: zeros in front", length("003", "abc"), 200, then::keeps, "<abc>"},
        {"6.2: white space around it", length(" \t3 \t", "abc"), 200, then::keeps, "<abc>"},
        {"6.3: a body that looks like a request is a body", length("25", "GET /canary HTTP/1.1\r\n\r\nx"),
         200, then::keeps, "<GET /canary HTTP/1.1\r\n\r\nx>"},
        {"6.3: GET may have a body", "GET /read HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc", 200,
         then::keeps},
        {"6.2: an empty length", length("", "")},
        {"6.2: a plus sign", length("+3", "abc")},
        {"6.2: a minus sign", length("-3", "abc")},
        {"6.2: hexadecimal", length("0x3", "abc")},
        {"6.2: a fraction", length("3.0", "abc")},
        {"6.2: an exponent", length("3e0", "abc")},
        {"6.2: a space within", length("3 3", "abc")},
        {"6.2: a list of equal lengths", length("3, 3", "abc")},
        {"6.2: a list of different lengths", length("3, 4", "abc")},
        {"6.2: a letter behind", length("3a", "abc")},
        {"6.2: in quotes", length("\"3\"", "abc")},
        {"6.3: two equal fields", post("Content-Length: 3\r\nContent-Length: 3\r\n", "abc")},
        {"6.3: two different fields", post("Content-Length: 3\r\nContent-Length: 30\r\n", "abc")},
        {"6.3: two different fields, the larger first",
         post("Content-Length: 30\r\nContent-Length: 3\r\n", "abc")},
        {"6.2: more than there may be", length("1025", "abc"), 413},
        {"6.2: more than 32 bits", length("4294967299", "abc"), 413},
        {"6.2: more than 64 bits", length("18446744073709551619", "abc")},
        {"6.2: more than anybody can count", length(std::string(100, '9'), "abc")},
    };
}

std::vector<framing_case> coding_cases() {
    return {
        {"6.1: chunked", coding("chunked"), 200, then::keeps, "<abc>"},
        {"6.1: codings ignore case", coding("ChunKed"), 200, then::keeps, "<abc>"},
        {"6.1: white space around it", coding(" \tchunked\t "), 200, then::keeps, "<abc>"},
        {"6.1: chunked twice in a list", coding("chunked, chunked")},
        {"6.1: chunked twice in two fields",
         post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")},
        {"6.1: another coding before chunked", coding("gzip, chunked")},
        {"6.1: another coding behind chunked", coding("chunked, gzip")},
        {"6.1: another coding in a field of its own",
         post("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")},
        {"6.1: only another coding", coding("gzip")},
        {"6.1: identity is no coding any more", coding("identity")},
        {"6.1: an unknown coding", coding("xchunked")},
        {"6.1: chunked with a letter behind", coding("chunkedx")},
        {"6.1: chunked with a parameter", coding("chunked;q=1")},
        {"6.1: an empty member", coding("chunked,")},
        {"6.1: in quotes", coding("\"chunked\"")},
        {"6.1: an empty coding", coding("")},
        {"6.1: a vertical tab before it", coding("\vchunked")},
        {"6.1: NUL behind it", coding("chunked\0"s)},
        {"6.1: a space before the colon", post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n")},
        {"6.1: on HTTP/1.0",
         "POST /echo HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"},
        {"6.3: before a length",
         post("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "3\r\nabc\r\n0\r\n\r\n")},
        {"6.3: behind a length",
         post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r\n")},
        {"6.3: another coding with a length",
         post("Transfer-Encoding: gzip\r\nContent-Length: 3\r\n", "abc")},
        {"6.3: another coding behind a length",
         post("Content-Length: 3\r\nTransfer-Encoding: gzip\r\n", "abc")},
    };
}

std::vector<framing_case> chunk_cases() {
    return {
        {"7.1: no chunks but the last", chunks("0\r\n\r\n"), 200, then::keeps, "<>"},
        {"7.1: several zeros", chunks("000\r\n\r\n"), 200, then::keeps, "<>"},
        {"7.1: two chunks", chunks("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"), 200, then::keeps, "<abcde>"},
        {"7.1: a size in capitals", chunks("A\r\n0123456789\r\n0\r\n\r\n"), 200, then::keeps, "<0123456789>"},
        {"7.1: a size in small letters", chunks("a\r\n0123456789\r\n0\r\n\r\n"), 200, then::keeps,
         "<0123456789>"},
        {"7.1: zeros before the size", chunks("00000000000000000003\r\nabc\r\n0\r\n\r\n"), 200, then::keeps,
         "<abc>"},
        {"7.1: CRLF within the data", chunks("5\r\n\r\n0\r\n\r\n0\r\n\r\n"), 200, then::keeps, "<\r\n0\r\n>"},
        {"7.1.1: an extension is passed over", chunks("3;x\r\nabc\r\n0;y\r\n\r\n"), 200, then::keeps,
         "<abc>"},
        {"7.1.1: an extension with a value", chunks("3;x=y\r\nabc\r\n0\r\n\r\n"), 200, then::keeps, "<abc>"},
        {"7.1.1: an extension in quotes", chunks("3;x=\"0; y\"\r\nabc\r\n0\r\n\r\n"), 200, then::keeps,
         "<abc>"},
        {"7.1.1: white space before an extension", chunks("3 \t;x\r\nabc\r\n0\r\n\r\n"), 200, then::keeps,
         "<abc>"},
        {"7.1.1: LF in an extension", chunks("3;x\nabc\r\n0\r\n\r\n")},
        {"7.1.1: a bare CR in an extension", chunks("3;x\ry\r\nabc\r\n0\r\n\r\n")},
        {"7.1.1: NUL in an extension", chunks("3;x\0\r\nabc\r\n0\r\n\r\n"s)},
        {"7.1.1: extensions without end", chunks("3;" + std::string(1'100, 'x') + "\r\nabc\r\n0\r\n\r\n"),
         413},
        {"7.1.1: white space without end", chunks("3" + std::string(1'100, ' ') + ";x\r\nabc\r\n0\r\n\r\n"),
         413},
        {"7.1: no size", chunks("\r\nabc\r\n0\r\n\r\n")},
        {"7.1: only an extension", chunks(";x\r\nabc\r\n0\r\n\r\n")},
        {"7.1: a size with a prefix", chunks("0x3\r\nabc\r\n0\r\n\r\n")},
        {"7.1: a size with a plus sign", chunks("+3\r\nabc\r\n0\r\n\r\n")},
        {"7.1: a size with a minus sign", chunks("-3\r\nabc\r\n0\r\n\r\n")},
        {"7.1: a size that is no number", chunks("g\r\nabc\r\n0\r\n\r\n")},
        {"7.1: a size with a separator", chunks("0_3\r\nabc\r\n0\r\n\r\n")},
        {"7.1: a space before the size", chunks(" 3\r\nabc\r\n0\r\n\r\n")},
        {"7.1: a space behind the size", chunks("3 \r\nabc\r\n0\r\n\r\n")},
        {"7.1: more than 64 bits", chunks("10000000000000003\r\nabc\r\n0\r\n\r\n"), 413},
        {"7.1: more than 32 bits", chunks("100000003\r\nabc\r\n0\r\n\r\n"), 413},
        {"7.1: more than there may be", chunks("401\r\nabc\r\n0\r\n\r\n"), 413},
        {"7.1: more than there may be, in two", chunks("1\r\na\r\n400\r\nabc\r\n0\r\n\r\n"), 413},
        {"7.1: more data than the size says", chunks("3\r\nabcd\r\n0\r\n\r\n")},
        {"7.1: less data than the size says", chunks("5\r\nabc\r\n0\r\n\r\n")},
        {"7.1: nothing behind the data", chunks("3\r\nabc0\r\n\r\n")},
        {"7.1: LF behind the data", chunks("3\r\nabc\n0\r\n\r\n")},
        {"7.1: a bare CR behind the data", chunks("3\r\nabc\r0\r\n\r\n")},
        {"7.1: LF behind the size", chunks("3\nabc\r\n0\r\n\r\n")},
        {"7.1: a bare CR behind the size", chunks("3\rabc\r\n0\r\n\r\n")},
        {"7.1: LF behind the last chunk", chunks("0\n\r\n")},
        {"7.1: LF at the end", chunks("0\r\n\n")},
        {"7.1: a bare CR at the end", chunks("0\r\n\rx")},
        {"7.1.2: a trailer is dropped", trailers("X: y\r\n"), 200, then::keeps, "<abc>"},
        {"7.1.2: so are two", trailers("X: y\r\nZ:\r\n"), 200, then::keeps, "<abc>"},
        {"7.1.2: a length in a trailer frames nothing", trailers("Content-Length: 3\r\n"), 200, then::keeps,
         "<abc>"},
        {"7.1.2: nor does a coding", trailers("Transfer-Encoding: chunked\r\n"), 200, then::keeps, "<abc>"},
        {"7.1.2: close in a trailer closes nothing", trailers("Connection: close\r\n"), 200, then::keeps,
         "<abc>"},
        {"7.1.2: a folded trailer", trailers("X: y\r\n z\r\n")},
        {"7.1.2: a trailer without a colon", trailers("X\r\n")},
        {"7.1.2: a trailer without a name", trailers(": y\r\n")},
        {"7.1.2: a space before the colon", trailers("X : y\r\n")},
        {"7.1.2: LF behind a trailer", trailers("X: y\nZ: a\r\n")},
        {"7.1.2: a bare CR in a trailer", trailers("X: y\rz\r\n")},
        {"7.1.2: NUL in a trailer", trailers("X: \0\r\n"s)},
        {"7.1.2: 64 trailers", trailers(many_trailers(64)), 200, then::keeps, "<abc>"},
        {"7.1.2: 65 trailers", trailers(many_trailers(65)), 413},
        {"7.1.2: a trailer without end", trailers("X: " + std::string(8'300, 'x') + "\r\n"), 413},
    };
}

}  // namespace statetrackd::testing
