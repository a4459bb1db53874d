/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_control.c - hostile peers of the control endpoint, through its real socket.
 *
 * Up to four connections at a time: calls of every method with chosen parameters, any other
 * text, calls in pieces, descriptors, peers that do not read or hang up, while the device answers
 * late and events happen. Every answer must be JSON of the right form; a connection that has sent
 * nothing but whole calls gets one answer for each.
 */
#include <sys/stat.h>

#include "base/json.h"
#include "region/region.h"
#include "device.h"
#include "muser-instance.h"

#define MAX_STEPS 64u
#define NR_PEERS  4u
#define TEXT_MAX  (4u << 20)

struct peer {
	int    fd;
	bool   sane;    /* whole calls only */
	bool   monitor; /* there may be any number of answers */
	bool   mute;    /* does not read */
	uint32_t calls, answers;
	char  *text;    /* received, not whole yet */
	size_t len;
};

static struct peer peers[NR_PEERS];
static int fds[4]; /* to be sent */

#define ORG "org.muser.control."

/* %d a number, %x hexadecimal digits, %b a boolean, %n a name, %t text, %r any bytes */
static const struct {
	const char *name, *params;
} methods[] = {
	{ "org.varlink.service.GetInfo", "" },
	{ "org.varlink.service.GetInterfaceDescription", "\"interface\":\"%n\"" },
	{ ORG "Show", "" },
	{ ORG "Dma", "\"address\":\"%x\",\"limit\":%d" },
	{ ORG "Dma", "" },
	{ ORG "Registers", "" },
	{ ORG "Read", "\"region\":%d,\"offset\":\"%x\",\"count\":%d" },
	{ ORG "Write", "\"region\":%d,\"offset\":\"%x\",\"width\":%d,\"value\":\"%x\"" },
	{ ORG "Write", "\"region\":%d,\"offset\":\"%x\",\"width\":%d,\"value\":\"%x\","
		       "\"mask\":\"%x\"" },
	{ ORG "Get", "\"property\":\"%n\"" },
	{ ORG "Set", "\"property\":\"%n\",\"value\":\"%t\"" },
	{ ORG "Reset", "" },
	{ ORG "FireIrq", "\"index\":%d,\"vector\":%d" },
	{ ORG "SetIrqLevel", "\"level\":%b" },
	{ ORG "MaskIrq", "\"index\":%d,\"vector\":%d,\"mask\":%b" },
	{ ORG "Trace", "" },
	{ ORG "Monitor", "" },
	{ ORG "Stop", "" },
	{ ORG "Nothing", "\"%n\":%d" },
	{ "%r", "%r" },
};

static const char *const names[] = {
	"in", "in0", "in11", "in12", "in01", "id", "mode", "out", "org.muser.control",
	"org.varlink.service", "", "x",
};

/* ---- building calls -------------------------------------------------------------- */

/* Any bytes, or some that can stand in a string. */
static size_t put_text(struct input *in, char *to, bool raw)
{
	size_t got, i;
	const uint8_t *p = take_some(in, take_u8(in) % 32, &got);

	for (i = 0; i < got; i++)
		to[i] = raw || (p[i] >= ' ' && p[i] < 0x7f && !strchr("\"\\", p[i])) ?
			(char)p[i] : '.';
	return got;
}

/* Numbers are small mostly, as indexes are. */
static unsigned long long number(struct input *in)
{
	const uint8_t b = take_u8(in);

	return b < 0x40 ? b % 16 : b < 0x80 ? 1ull << b % 13 : take_number(in);
}

static size_t put_value(struct input *in, char kind, char *to, size_t room)
{
	switch (kind) {
	case 'd': return (size_t)snprintf(to, room, "%lld", (long long)number(in));
	case 'x': return (size_t)snprintf(to, room, "0x%llx", number(in));
	case 'b': return (size_t)snprintf(to, room, "%s", take_u8(in) & 1 ? "true" : "false");
	case 'n': return (size_t)snprintf(to, room, "%s", names[take_u8(in) % LM_NR(names)]);
	default: return put_text(in, to, kind == 'r');
	}
}

static size_t put_template(struct input *in, const char *template, char *to, size_t room)
{
	size_t len = 0;

	for (; *template && len < room - 64; template++) {
		if (*template != '%')
			to[len++] = *template;
		else
			len += put_value(in, *++template, to + len, 64);
	}
	return len;
}

/* Without its NUL. */
static size_t put_call(struct input *in, unsigned int which, uint8_t how, char *to, size_t room)
{
	size_t len;

	len = (size_t)snprintf(to, room, "{\"method\":\"");
	len += put_template(in, methods[which].name, to + len, room - len);
	len += (size_t)snprintf(to + len, room - len, "\"%s%s,\"parameters\":{",
				how & 1 ? ",\"oneway\":true" : "",
				how & 2 ? ",\"more\":true" : "");
	len += put_template(in, methods[which].params, to + len, room - len - 8);
	return len + (size_t)snprintf(to + len, room - len, "}}");
}

/* ---- peers ----------------------------------------------------------------------- */

static void peer_close(struct peer *p)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
	p->len = 0;
}

static void peer_open(struct peer *p)
{
	peer_close(p);
	*p = (struct peer){ .fd = -1, .sane = true, .text = p->text };
	if (lm_instance_connect(lm_ctx_uuid(dev.ctx), "control.sock", &p->fd))
		p->fd = -1;
}

static void check_answer(struct peer *p, size_t len)
{
	struct json_object *obj = json_parse_reply(p->text, len);

	FUZZ_CHECK(json_is_object(obj));
	FUZZ_CHECK(json_is_object(json_get(obj, "parameters")));
	FUZZ_CHECK(!json_get(obj, "error") || json_to_string(json_get(obj, "error")));
	json_free(obj);
	p->answers++;
	FUZZ_CHECK(!p->sane || p->monitor || p->answers <= p->calls);
}

/* Sent with Trace's answer only: a ring that nobody but the device can change. */
static void check_fds(const int *got, unsigned int nr)
{
	FUZZ_CHECK(nr <= 1);
	if (nr)
		FUZZ_CHECK(fcntl(got[0], F_GET_SEALS) & F_SEAL_SHRINK);
	close_fds(got, nr);
}

static bool peer_drain(struct peer *p)
{
	int got_fds[FUZZ_MAX_FDS];
	unsigned int nr;
	bool any = false;
	char *end;
	ssize_t got;

	while (p->fd >= 0 && !p->mute) {
		got = receive_fds(p->fd, p->text + p->len, TEXT_MAX - p->len, got_fds, &nr);
		if (got <= 0)
			break;
		check_fds(got_fds, nr);
		p->len += (size_t)got;
		any = true;
		while ((end = memchr(p->text, '\0', p->len))) {
			check_answer(p, (size_t)(end - p->text));
			p->len -= (size_t)(end - p->text) + 1;
			memmove(p->text, end + 1, p->len);
		}
	}
	return any;
}

static bool drain(void)
{
	bool any = false;
	unsigned int i;

	for (i = 0; i < NR_PEERS; i++)
		any |= peer_drain(&peers[i]);
	return any;
}

/* All of it, or the peer is no longer one that has sent whole calls. */
static void peer_send(struct peer *p, const char *text, size_t len, size_t piece,
		      unsigned int nr_fds)
{
	size_t pos = 0, some;
	ssize_t sent;

	while (pos < len && p->fd >= 0) {
		some = piece && piece < len - pos ? piece : len - pos;
		sent = send_fds(p->fd, text + pos, some, fds, pos ? 0 : nr_fds);
		if (sent <= 0)
			break;
		pos += (size_t)sent;
		if (pos < len)
			lm_ctx_poll(dev.ctx);
	}
	p->sane &= pos == len;
}

/* ---- steps ----------------------------------------------------------------------- */

static void step_call(struct input *in, uint8_t op)
{
	const uint8_t how = take_u8(in), split = how & 0x80 ? take_u8(in) : 0;
	struct peer *p = &peers[how >> 5 & 3];
	const unsigned int which = (op >> 1) % LM_NR(methods);
	char text[1024];
	size_t len = put_call(in, which, how, text, sizeof(text));

	if (p->fd < 0)
		peer_open(p);
	text[len++] = '\0';
	if (which + 1 == LM_NR(methods)) /* any text: it may not be a call */
		p->sane = false;
	if (!strcmp(methods[which].name, ORG "Monitor")) /* more calls end such a connection */
		p->monitor = true;
	p->calls += !(how & 1);
	peer_send(p, text, len, split, how >> 2 & 7 ? (how >> 2 & 7) % 5 : 0);
}

static void step_text(struct input *in, struct peer *p)
{
	size_t len;
	const uint8_t *text = take_some(in, take_u8(in), &len);

	p->sane = false;
	peer_send(p, (const char *)text, len, 0, take_u8(in) % 5);
}

/* More than a call may have. */
static void send_much(struct peer *p, uint8_t arg)
{
	static char much[70 * 1024];

	p->sane = false;
	memset(much, arg & 1 ? '[' : ' ', sizeof(much));
	peer_send(p, much, sizeof(much), 0, 0);
}

static void step_window(uint8_t arg)
{
	struct dma_window w = {
		.addr = arg * 4096ull, .size = 4096, .prot = PROT_READ | (arg & PROT_WRITE),
		.fd = arg & 4 ? fd_new(arg & 8 ? 0 : 1) : -1,
	};

	if (dma_map(dev.ctx, &w) && w.fd >= 0)
		close(w.fd);
	if (arg == 0xff && dma_count(dev.ctx))
		dma_unmap(dev.ctx, 0, 0, true);
}

static void step_other(struct input *in, uint8_t op)
{
	const uint8_t arg = take_u8(in);
	struct peer *p = &peers[arg & 3];

	switch ((op >> 1) % 9) {
	case 0: step_text(in, p); break;
	case 1: peer_open(p); break;
	case 2: peer_close(p); break;
	case 3: shutdown(p->fd, arg & 4 ? SHUT_RD : SHUT_WR); p->sane &= !(arg & 4); break;
	case 4: p->mute = arg & 4; break;
	case 5: send_much(p, arg >> 2); break;
	case 6: step_window(arg); break;
	case 7: lm_event(dev.ctx, "fuzz", arg); break;
	default: device_poll();
	}
}

/* The lowest bit: the device has its turn. */
static void step(struct input *in)
{
	const uint8_t op = take_u8(in);

	if (op < 0x80)
		step_call(in, op);
	else if (op < 0xc0)
		step_other(in, op & 0x3f);
	else
		device_act(op >> 1, take_u8(in));
	if (op & 1)
		lm_ctx_poll(dev.ctx);
	drain();
}

/* ---- one input ------------------------------------------------------------------- */

static char runtime[64];

static void runtime_remove(void)
{
	rmdir(runtime);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	unsigned int i;

	snprintf(runtime, sizeof(runtime), "%s/fuzz_control.XXXXXX",
		 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	FUZZ_CHECK(mkdtemp(runtime));
	FUZZ_CHECK(!setenv("MUSER_RUNTIME_DIR", runtime, 1));
	atexit(runtime_remove);
	for (i = 0; i < NR_PEERS; i++)
		peers[i] = (struct peer){ .fd = -1, .text = malloc(TEXT_MAX) };
	device_begin();
	return 0;
}

/* What Trace takes, and what it does not. */
static void fds_new(void)
{
	fds[0] = eventfd(0, EFD_CLOEXEC);
	fds[1] = memfd_new(4096, true);
	fds[2] = memfd_new(4096, false);
	fds[3] = fd_new(4);
}

static void settle(void)
{
	int rounds = 0, ret;
	bool moved;
	unsigned int i;

	for (i = 0; i < NR_PEERS; i++)
		peers[i].mute = false;
	do {
		device_settle();
		ret = device_poll();
		moved = drain();
		FUZZ_CHECK(++rounds < 5000);
	} while (moved || dev.nr_pending);
	for (i = 0; i < NR_PEERS && !ret; i++)
		FUZZ_CHECK(!peers[i].sane || peers[i].monitor || peers[i].fd < 0 ||
			   peers[i].answers == peers[i].calls);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	const unsigned int before = count_fds();
	struct stat st;
	unsigned int i;

	device_begin();
	fds_new();
	device_create();
	for (i = 0; in.left && i < MAX_STEPS; i++)
		step(&in);
	settle();
	device_end();
	for (i = 0; i < NR_PEERS; i++)
		peer_close(&peers[i]);
	close_fds(fds, LM_NR(fds));
	FUZZ_CHECK(!fds_left(before));
	FUZZ_CHECK(!stat(runtime, &st) && st.st_nlink == 2);
	return 0;
}
