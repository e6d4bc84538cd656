#include "sandbox/scripts.h"

namespace r1::sandbox {

// Descriptors it starts with: 3 the control socket, 4 the filter for programs. Its argument: "boxed" or
// "bare". A request is a JSON datagram with descriptors; the answer comes when the job and all that it
// started are dead.
const std::string_view manager_script = R"py(
import array, atexit, builtins, ctypes, fcntl, gc, io, json, os, resource, select, signal, socket, stat, sys, threading
import traceback, types
import abc, ast, bisect, collections, copy, dataclasses, datetime, decimal, enum, fractions, functools, heapq
import itertools, math, operator, queue, random, re, statistics, string, time, typing

libc = ctypes.CDLL(None, use_errno=True)
NEW_MOUNTS, NEW_IPC, NEW_PIDS = 0x20000, 0x08000000, 0x20000000
PRIVATE, NOSUID_NODEV = (1 << 18) | 0x4000, 6
ENVIRONMENT = {'PATH': '/usr/local/bin:/usr/bin:/bin', 'HOME': '/tmp', 'TMPDIR': '/tmp', 'LANG': 'C.UTF-8',
               'PYTHONHASHSEED': '0', 'OMP_NUM_THREADS': '1'}


def checked(result, what):
    if result < 0:
        raise OSError(ctypes.get_errno(), what)
    return result


class FilterProgram(ctypes.Structure):
    _fields_ = [('length', ctypes.c_ushort), ('code', ctypes.c_void_p)]


class Manager:
    def __init__(self, control, filter_code, boxed):
        self.control, self.boxed = control, boxed
        self.filter_code = ctypes.create_string_buffer(filter_code, len(filter_code))

    # --- the manager's own process

    def serve(self):
        gc.collect()
        gc.freeze()
        self.control.send(b'{"hello": true}')
        while True:
            request, descriptors = self.receive()
            if 'kill' in request:
                continue  # what it was to kill has ended meanwhile
            try:
                answer = self.run(request, descriptors)
            except (OSError, ValueError) as error:
                answer = {'ready': False, 'failure': 'cannot make a box: ' + str(error)}
            answer['id'] = request['id']
            self.control.send(json.dumps(answer).encode())

    def receive(self):
        data, ancillary, flags, _ = self.control.recvmsg(1 << 17, socket.CMSG_LEN(16 * 4), socket.MSG_CMSG_CLOEXEC)
        if not data:
            os._exit(0)  # the program that started us has ended
        descriptors = array.array('i')
        for level, kind, payload in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                descriptors.frombytes(payload)
        return json.loads(data), list(descriptors)

    def run(self, request, descriptors):
        reader, writer = os.pipe()
        pid = self.fork_box()
        if pid == 0:
            try:
                os.close(reader)
                self.first_process(request, dict(zip(request['names'], descriptors)), writer)
            except BaseException as error:
                os.write(writer, ('F' + repr(error)[:2000]).encode())
            os._exit(1)
        os.close(writer)
        for descriptor in descriptors:
            os.close(descriptor)
        report = self.wait(pid, reader)
        os.close(reader)
        _, status, usage = os.wait4(pid, 0)
        answer = {'ready': report.startswith(b'R'), 'status': status, 'cpu': 0.0, 'memory': 0}
        if answer['ready']:
            if len(report) > 1:
                answer.update(json.loads(report[1:]))
        else:
            answer['failure'] = report[1:].decode(errors='replace') or 'the box ended early'
        return answer

    def fork_box(self):
        if not self.boxed:
            return os.fork()
        number = {'x86_64': 56, 'aarch64': 220, 'riscv64': 220}[os.uname().machine]
        flags = NEW_PIDS | NEW_MOUNTS | NEW_IPC | signal.SIGCHLD
        return checked(libc.syscall(number, flags, 0, 0, 0, 0), 'clone')

    def wait(self, pid, reader):
        report = b''
        poll = select.poll()
        poll.register(self.control, select.POLLIN)
        poll.register(reader, select.POLLIN)
        while True:
            for descriptor, _ in poll.poll():
                if descriptor == reader:
                    piece = os.read(reader, 65536)
                    report += piece
                    if not piece:
                        return report
                else:
                    data = self.control.recv(1 << 17)
                    os.kill(pid, signal.SIGKILL if self.boxed else signal.SIGTERM)
                    if not data:
                        os.waitpid(pid, 0)
                        os._exit(0)

    # --- the first process of a job's box: when it ends, the kernel kills what is left in the box

    def first_process(self, request, named, report):
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        limits = request['limits']
        if self.boxed:
            self.mount(b'none', b'/', None, PRIVATE, None)
            options = 'size=%d,nr_inodes=%d,mode=777' % (limits['tmp_bytes'], limits['tmp_files'])
            self.mount(b'tmpfs', b'/tmp', b'tmpfs', NOSUID_NODEV, options.encode())
            folder = '/tmp'
        else:
            import tempfile
            folder = tempfile.mkdtemp(prefix='r1-box-')
            checked(libc.prctl(36, 1, 0, 0, 0), 'subreaper')
            signal.signal(signal.SIGTERM, stop_waiting)
        program = os.fork()
        if program == 0:
            try:
                self.become_program(request, named, report, folder)
            except BaseException as error:
                os.write(report, ('F' + repr(error)[:2000]).encode())
            os._exit(1)
        for name, descriptor in named.items():
            if name != 'collect':
                os.close(descriptor)
        self.control.close()
        pid, status = 0, signal.SIGKILL
        try:
            while pid != program:
                pid, status, _ = os.wait4(-1, 0)
        except Stopped:
            pass
        if 'collect' in named and status == 0:
            collect(os.path.join(folder, request['collect']), named['collect'], limits['file_bytes'])
        if not self.boxed:
            kill_children()
            import shutil
            shutil.rmtree(folder, ignore_errors=True)
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        os.write(report, json.dumps({'status': status, 'cpu': usage.ru_utime + usage.ru_stime,
                                     'memory': usage.ru_maxrss * 1024}).encode())
        os._exit(0)

    def mount(self, source, target, kind, flags, options):
        checked(libc.mount(source, target, kind, flags, options), 'mount')

    # --- the program itself

    def become_program(self, request, named, report, folder):
        os.setsid()
        places = {'stdin': 0, 'stdout': 1, 'stderr': 2, 'from': 3, 'to': 4, 'verdict': 5}
        high = {name: fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 64) for name, fd in named.items()}
        report = fcntl.fcntl(report, fcntl.F_DUPFD_CLOEXEC, 64)
        os.closerange(0, 64)
        for name, place in places.items():
            if name in high:
                os.dup2(high[name], place)
        files, data = read_bundle(high['bundle'])
        for fd in high.values():
            os.close(fd)
        os.closerange(6, report)
        os.closerange(report + 1, 4096)
        os.chdir(folder)
        for name, content in files:
            with open(name, 'wb') as file:
                file.write(content)
            os.chmod(name, 0o755)
        self.limit(request['limits'])
        self.drop_rights()
        os.write(report, b'R')
        os.close(report)
        mode = request['mode']
        if mode == 'exec':
            try:
                os.execve(request['argv'][0], request['argv'], dict(ENVIRONMENT, HOME=folder, TMPDIR=folder))
            except OSError as error:
                os.write(2, str(error).encode())
            os._exit(127)
        os.environ['HOME'] = os.environ['TMPDIR'] = folder
        sys.path[0] = folder
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if mode == 'python':
            code = run_main(data)
        elif mode == 'candidate':
            code = serve_candidate(data)
        else:
            code = run_tester(data)
        os._exit(code)

    def limit(self, limits):
        def both(what, value):
            resource.setrlimit(what, (value, value))
        cpu = math.ceil(limits['cpu_seconds'])
        resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))
        both(resource.RLIMIT_FSIZE, limits['file_bytes'])
        both(resource.RLIMIT_NOFILE, limits['open_files'])
        both(resource.RLIMIT_AS, limits['memory_bytes'] + (10 << 30))  # stacks of threads are large
        both(resource.RLIMIT_STACK, 256 << 20)
        both(resource.RLIMIT_MEMLOCK, 65536)
        if self.boxed:
            both(resource.RLIMIT_NPROC, limits['processes'] + 2)  # the manager and the first process count

    def drop_rights(self):
        class Header(ctypes.Structure):
            _fields_ = [('version', ctypes.c_uint32), ('pid', ctypes.c_int)]
        if self.boxed:
            nothing = (ctypes.c_uint32 * 6)()
            checked(libc.capset(ctypes.byref(Header(0x20080522, 0)), ctypes.byref(nothing)), 'capset')
        checked(libc.prctl(38, 1, 0, 0, 0), 'no_new_privs')
        program = FilterProgram(len(self.filter_code) // 8, ctypes.addressof(self.filter_code))
        checked(libc.prctl(22, 2, ctypes.byref(program), 0, 0), 'seccomp')


class Stopped(Exception):
    pass


def stop_waiting(*_):
    raise Stopped


def kill_children():  # of a subreaper: the children of those that die become its own
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        with open('/proc/self/task/%d/children' % os.getpid()) as file:
            children = [int(pid) for pid in file.read().split()]
        if not children:
            return
        for pid in children:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def read_bundle(fd):
    size = os.fstat(fd).st_size
    raw = b''
    while len(raw) < size:
        raw += os.pread(fd, size - len(raw), len(raw))
    end = raw.index(b'\n')
    header, at = json.loads(raw[:end]), end + 1
    files = []
    for name, length in header['files']:
        files.append((name, raw[at:at + length]))
        at += length
    return files, raw[at:]


def collect(path, to, most):  # the program may have made anything of that name
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return
    if stat.S_ISREG(os.fstat(fd).st_mode):
        while most > 0:
            piece = os.read(fd, min(most, 1 << 20))
            if not piece:
                break
            os.write(to, piece)
            most -= len(piece)
    os.close(fd)


def standard_streams():
    def stream(fd, mode):
        return io.TextIOWrapper(open(fd, mode, closefd=False), encoding='utf-8', errors='surrogateescape',
                                line_buffering=fd == 2)
    sys.stdin = sys.__stdin__ = stream(0, 'rb')
    sys.stdout = sys.__stdout__ = stream(1, 'wb')
    sys.stderr = sys.__stderr__ = stream(2, 'wb')


def fresh_main(name):
    main = types.ModuleType(name)
    main.__file__ = 'main.py'
    main.__builtins__ = builtins
    sys.modules[name] = main
    sys.argv = ['main.py']
    return main


def run_main(source):  # as `python3 main.py`
    standard_streams()
    main, code = fresh_main('__main__'), 0
    try:
        exec(compile(source, 'main.py', 'exec'), main.__dict__)
    except SystemExit as error:
        code = error.code
        if code is None:
            code = 0
        elif not isinstance(code, int):
            print(code, file=sys.stderr)
            code = 1
    except BaseException as error:
        print_own_frames(error)
        code = 1
    try:
        threading._shutdown()
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        code = code or 1
    return code & 255


def print_own_frames(error):  # without the frame of the runner
    frames = error.__traceback__.tb_next
    traceback.print_exception(type(error), error, frames, limit=-20)


def start_manager():
    control = socket.socket(fileno=3)
    filter_code = os.read(4, 1 << 20)
    os.close(4)
    libc.prctl(4, 0, 0, 0, 0)  # no process of this user may look into this one
    Manager(control, filter_code, sys.argv[1] == 'boxed').serve()

)py";

}  // namespace r1::sandbox
