/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_control_methods.c - what the methods of org.muser.control answer, and do.
 */
#include <sys/mman.h>

#include "client/client.h"
#include "dma/dma.h"
#include "pci/pci.h"
#include "trace/trace.h"
#include "control_peer.h"

/* A member of a reply by its path, "device.regions.0.name"; borrowed. */
static struct json_object *at(struct json_object *reply, const char *path)
{
	struct json_object *obj = json_get(reply, "parameters");
	char step[32];

	while (*path) {
		snprintf(step, sizeof(step), "%.*s", (int)strcspn(path, "."), path);
		obj = *step >= '0' && *step <= '9' ? json_at(obj, (size_t)atoi(step)) :
						     json_get(obj, step);
		path += strlen(step);
		path += *path == '.';
	}
	return obj;
}

static void assert_text_at(struct json_object *reply, const char *path, const char *expected)
{
	const char *text = json_to_string(at(reply, path));

	assert_non_null(text);
	assert_string_equal(text, expected);
}

static void assert_number_at(struct json_object *reply, const char *path, int64_t expected)
{
	int64_t value;

	assert_int_equal(json_to_int(at(reply, path), &value), 0);
	assert_int_equal(value, expected);
}

static void assert_bool_at(struct json_object *reply, const char *path, bool expected)
{
	bool value;

	assert_int_equal(json_to_bool(at(reply, path), &value), 0);
	assert_int_equal(value, expected);
}

/* The eventfd of a vector, as a client would assign it. */
static int arm(uint32_t index, uint32_t vector)
{
	int fd = eventfd(0, EFD_NONBLOCK), kept = dup(fd);
	const struct irq_set set = {
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = index, .start = vector, .count = 1, .fds = &kept, .nr_fds = 1,
	};

	assert_int_equal(irq_set(dev.ctx, &set), 0);
	return fd;
}

static bool was_fired(int fd)
{
	uint64_t count;

	return !eventfd_read(fd, &count);
}

/* As a guest that switches MSI-X on. */
static void enable_msix(void)
{
	char flags[2] = { 0, (char)(PCI_MSIX_FLAGS_ENABLE >> 8) };
	uint8_t cap;

	assert_int_equal(lm_config_read(dev.ctx, PCI_CAPABILITY_LIST, &cap, 1), 0);
	assert_int_equal(config_access(dev.ctx, flags, 2, cap + PCI_MSIX_FLAGS, true), 2);
}

/* ---- Show ------------------------------------------------------------------------ */

static void show_tells_who_the_device_is(void **state)
{
	const int fd = peer_connect();
	struct json_object *reply = call(fd, "Show", NULL);

	assert_text_at(reply, "device.uuid", lm_ctx_uuid(dev.ctx));
	assert_text_at(reply, "device.type", TYPE);
	assert_text_at(reply, "device.name", "peer");
	assert_text_at(reply, "device.transport", "vfio-user");
	assert_text_at(reply, "device.state", "waiting");
	assert_number_at(reply, "device.pid", getpid());
	assert_text_at(reply, "device.program", "test_control_methods");
	assert_text_at(reply, "device.version", lm_version());
	assert_text_at(reply, "device.socket", lm_ctx_socket(dev.ctx));
	assert_text_at(reply, "device.vendor", "0x494f");
	assert_text_at(reply, "device.device", "0xdc8");
	assert_text_at(reply, "device.subvendor", "0x1234");
	assert_text_at(reply, "device.subdevice", "0x5678");
	assert_text_at(reply, "device.class", "0x110000");
	assert_text_at(reply, "device.revision", "0x3");
	assert_null(at(reply, "device.client"));
	assert_number_at(reply, "device.dma_windows", 0);
	assert_number_at(reply, "device.tracers", 0);
	json_free(reply);
	close(fd);
}

static void show_lists_regions(void **state)
{
	const int fd = peer_connect();
	struct json_object *reply = call(fd, "Show", NULL);

	assert_int_equal(json_length(at(reply, "device.regions")), 6);
	assert_text_at(reply, "device.regions.0.name", "bar0");
	assert_text_at(reply, "device.regions.0.kind", "mem32");
	assert_text_at(reply, "device.regions.0.size", "0x10");
	assert_text_at(reply, "device.regions.0.flags", "rw");
	assert_int_equal(json_length(at(reply, "device.regions.0.mmap")), 0);
	assert_text_at(reply, "device.regions.3.flags", "rwm");
	assert_text_at(reply, "device.regions.3.mmap.0.offset", "0x0");
	assert_text_at(reply, "device.regions.3.mmap.0.size", "0x10000");
	assert_number_at(reply, "device.regions.5.index", LM_CFG_REG_IDX);
	assert_text_at(reply, "device.regions.5.name", "config");
	assert_text_at(reply, "device.regions.5.kind", "config");
	json_free(reply);
	close(fd);
}

static void show_lists_interrupts(void **state)
{
	const int fd = peer_connect(), event = arm(LM_DEV_MSIX_IRQ_IDX, 5);
	struct json_object *reply;

	enable_msix();
	assert_int_equal(lm_irq_trigger(dev.ctx, 5), LM_IRQ_DELIVERED);
	reply = call(fd, "Show", NULL);
	assert_int_equal(json_length(at(reply, "device.irqs")), 4);
	assert_text_at(reply, "device.irqs.0.name", "intx");
	assert_number_at(reply, "device.irqs.0.count", 1);
	assert_text_at(reply, "device.irqs.1.name", "msix");
	assert_number_at(reply, "device.irqs.1.index", LM_DEV_MSIX_IRQ_IDX);
	assert_number_at(reply, "device.irqs.1.count", 8);
	assert_bool_at(reply, "device.irqs.1.enabled", true);
	assert_int_equal(json_length(at(reply, "device.irqs.1.vectors")), 1);
	assert_number_at(reply, "device.irqs.1.vectors.0.vector", 5);
	assert_bool_at(reply, "device.irqs.1.vectors.0.eventfd", true);
	assert_bool_at(reply, "device.irqs.1.vectors.0.pending", false);
	assert_number_at(reply, "device.irqs.1.vectors.0.count", 1);
	assert_number_at(reply, "device.irqs.1.table.region", BAR_MSIX);
	assert_text_at(reply, "device.irqs.1.table.size", "0x80");
	assert_text_at(reply, "device.irqs.1.pba.size", "0x8");
	assert_null(at(reply, "device.irqs.0.table"));
	assert_text_at(reply, "device.irqs.2.name", "err");
	assert_bool_at(reply, "device.irqs.2.enabled", false);
	json_free(reply);
	close(event);
	close(fd);
}

static void show_lists_properties(void **state)
{
	const int fd = peer_connect();
	struct json_object *reply = call(fd, "Show", NULL);

	assert_int_equal(json_length(at(reply, "device.properties")), 5);
	assert_text_at(reply, "device.properties.0.name", "in");
	assert_text_at(reply, "device.properties.0.value", "");
	assert_text_at(reply, "device.properties.0.default", "none");
	assert_text_at(reply, "device.properties.0.help", "inputs");
	assert_number_at(reply, "device.properties.0.count", 12);
	assert_text_at(reply, "device.properties.1.flags.0", "read-only");
	assert_text_at(reply, "device.properties.2.flags.0", "create-only");
	assert_text_at(reply, "device.properties.3.value", "a??b");
	assert_text_at(reply, "device.properties.4.value", ""); /* its getter fails */
	json_free(reply);
	close(fd);
}

static void show_tells_who_the_client_is(void **state)
{
	const int fd = peer_connect(), comm = open("/proc/self/comm", O_RDONLY);
	const int client = client_connect();
	struct json_object *reply;
	char name[32] = "";

	assert_true(read(comm, name, sizeof(name) - 1) > 0);
	name[strcspn(name, "\n")] = '\0';
	reply = call(fd, "Show", NULL);
	assert_text_at(reply, "device.state", "attached");
	assert_number_at(reply, "device.client.pid", getpid());
	assert_number_at(reply, "device.client.uid", getuid());
	assert_text_at(reply, "device.client.command", name);
	assert_number_at(reply, "device.client.requests", 1); /* its version */
	json_free(reply);
	close(client);
	close(comm);
	close(fd);
}

/* ---- Dma, Registers -------------------------------------------------------------- */

static void dma_windows_come_in_pages(void **state)
{
	const int fd = peer_connect();
	struct json_object *reply;
	uint64_t i;

	for (i = 0; i < 10; i++) {
		const struct dma_window w = {
			.addr = i << 32, .size = 4096, .prot = PROT_READ, .fd = -1,
		};

		assert_int_equal(dma_map(dev.ctx, &w), 0);
	}
	reply = call(fd, "Dma", "{'address':'0x100000000','limit':3}");
	assert_int_equal(json_length(at(reply, "windows")), 3);
	assert_text_at(reply, "windows.0.address", "0x100000000");
	assert_text_at(reply, "windows.0.size", "0x1000");
	assert_text_at(reply, "windows.0.prot", "r");
	assert_text_at(reply, "windows.0.kind", "message");
	assert_number_at(reply, "windows.0.held", 0);
	assert_text_at(reply, "next", "0x400000000");
	json_free(reply);
	reply = call(fd, "Dma", "{'address':'0x900000000'}");
	assert_int_equal(json_length(at(reply, "windows")), 1);
	assert_null(at(reply, "next"));
	json_free(reply);
	reply = call(fd, "Show", NULL);
	assert_number_at(reply, "device.dma_windows", 10);
	json_free(reply);
	assert_call(fd, "Dma", "{'limit':0}", INVALID("limit"));
	assert_call(fd, "Dma", "{'limit':4097}", INVALID("limit"));
	assert_call(fd, "Dma", "{'address':0}", INVALID("address"));
	close(fd);
}

static void registers_are_listed_and_not_read(void **state)
{
	const int fd = peer_connect();
	struct json_object *reply;

	reply = call(fd, "Registers", NULL);
	assert_int_equal(dev.reads, 0);
	assert_int_equal(json_length(at(reply, "registers")), 5);
	assert_text_at(reply, "registers.0.name", "ID");
	assert_number_at(reply, "registers.0.region", BAR_REGS);
	assert_text_at(reply, "registers.0.access", "ro");
	assert_text_at(reply, "registers.0.help", "who");
	assert_text_at(reply, "registers.0.reset", "0x12345678");
	assert_null(at(reply, "registers.0.value"));
	assert_text_at(reply, "registers.1.name", "CTRL");
	assert_text_at(reply, "registers.1.offset", "0x4");
	assert_number_at(reply, "registers.1.width", 4);
	assert_bool_at(reply, "registers.1.pure", true);
	assert_text_at(reply, "registers.1.fields.1.name", "MODE");
	assert_number_at(reply, "registers.1.fields.1.shift", 4);
	assert_number_at(reply, "registers.1.fields.1.bits", 2);
	assert_null(at(reply, "registers.1.fields.1.help"));
	assert_text_at(reply, "registers.2.name", "FIFO");
	assert_bool_at(reply, "registers.2.pure", false);
	assert_number_at(reply, "registers.3.region", BAR_KEPT);
	assert_bool_at(reply, "registers.3.pure", true); /* the library keeps it */
	assert_text_at(reply, "registers.4.access", "rw1c");
	json_free(reply);
	close(fd);
}

/* ---- Read, Write ----------------------------------------------------------------- */

static void bytes_are_read_in_the_order_of_addresses(void **state)
{
	const int fd = peer_connect();

	memcpy(dev.raw, "\x01\x02\xfe\xff", 4);
	assert_call(fd, "Read", "{'region':2,'offset':'0x0','count':4}",
		    "{'parameters':{'data':'0102feff'}}");
	assert_call(fd, "Read", "{'region':0,'offset':'0x0','count':4}",
		    "{'parameters':{'data':'78563412'}}");
	assert_call(fd, "Read", "{'region':7,'offset':'0x0','count':4}",
		    "{'parameters':{'data':'4f49c80d'}}");
	close(fd);
}

static void values_are_written_with_their_width(void **state)
{
	const int fd = peer_connect();

	assert_call(fd, "Write", "{'region':2,'offset':'0x1','width':2,'value':'0x1234'}", OK);
	assert_memory_equal(dev.raw, "\0\x34\x12\0", 4);
	assert_call(fd, "Write", "{'region':2,'offset':'0x8','width':8,"
		    "'value':'0x1122334455667788'}", OK);
	assert_memory_equal(dev.raw + 8, "\x88\x77\x66\x55\x44\x33\x22\x11", 8);
	assert_call(fd, "Write", "{'region':0,'offset':'0x4','width':4,'value':'0x7'}", OK);
	assert_int_equal(dev.ctrl, 7);
	close(fd);
}

static void a_masked_write_changes_the_masked_bits(void **state)
{
	const int fd = peer_connect();

	dev.ctrl = 0xffff0000;
	assert_call(fd, "Write", "{'region':0,'offset':'0x4','width':4,'value':'0xabcd',"
		    "'mask':'0xff00ff'}", OK);
	assert_int_equal(dev.ctrl, 0xff0000cd);
	/* All bits: nothing needs to be read first. */
	assert_call(fd, "Write", "{'region':0,'offset':'0x8','width':4,'value':'0x1',"
		    "'mask':'0xffffffff'}", OK);
	assert_int_equal(dev.reads, 1);
	close(fd);
}

static void what_is_not_there_is_told(void **state)
{
	const int fd = peer_connect();

	assert_call(fd, "Read", "{'region':5,'offset':'0x0','count':1}",
		    "{'error':'org.muser.control.NoSuchRegion','parameters':{'region':5}}");
	assert_call(fd, "Write", "{'region':99,'offset':'0x0','width':1,'value':'0x0'}",
		    "{'error':'org.muser.control.NoSuchRegion','parameters':{'region':99}}");
	assert_call(fd, "Read", "{'region':2,'offset':'0xff','count':2}",
		    "{'error':'org.muser.control.OutOfRange','parameters':{'region':2,"
		    "'offset':'0xff','size':'0x100'}}");
	assert_call(fd, "Read", "{'region':2,'offset':'0xffffffffffffffff','count':1}",
		    "{'error':'org.muser.control.OutOfRange','parameters':{'region':2,"
		    "'offset':'0xffffffffffffffff','size':'0x100'}}");
	assert_call(fd, "Write", "{'region':2,'offset':'0xfd','width':4,'value':'0x0'}",
		    "{'error':'org.muser.control.OutOfRange','parameters':{'region':2,"
		    "'offset':'0xfd','size':'0x100'}}");
	assert_call(fd, "Read", "{'region':0,'offset':'0x0','count':9}",
		    "{'error':'org.muser.control.WidthNotAllowed','parameters':{'region':0,"
		    "'width':9,'min':1,'max':8}}");
	assert_true(dev.ctx->refused == 0); /* told, therefore not */
	close(fd);
}

static void impossible_accesses_are_refused(void **state)
{
	const int fd = peer_connect();

	assert_call(fd, "Read", NULL, INVALID("region"));
	assert_call(fd, "Read", "{'region':2,'offset':'0x0'}", INVALID("count"));
	assert_call(fd, "Read", "{'region':2,'offset':'0x0','count':0}", INVALID("count"));
	assert_call(fd, "Read", "{'region':3,'offset':'0x0','count':65537}", INVALID("count"));
	assert_call(fd, "Read", "{'region':-1,'offset':'0x0','count':1}", INVALID("region"));
	assert_call(fd, "Read", "{'region':4294967296,'offset':'0x0','count':1}",
		    INVALID("region"));
	assert_call(fd, "Read", "{'region':2,'offset':0,'count':1}", INVALID("offset"));
	assert_call(fd, "Write", "{'region':2,'offset':'0x0','width':3,'value':'0x0'}",
		    INVALID("width"));
	assert_call(fd, "Write", "{'region':2,'offset':'0x0','width':0,'value':'0x0'}",
		    INVALID("width"));
	assert_call(fd, "Write", "{'region':2,'offset':'0x0','width':1,'value':'0x100'}",
		    INVALID("value"));
	assert_call(fd, "Write", "{'region':2,'offset':'0x0','width':1,'value':'0x0',"
		    "'mask':'0x100'}", INVALID("mask"));
	assert_call(fd, "Write", "{'region':2,'offset':'0x0','width':1,'value':'-1'}",
		    INVALID("value"));
	assert_memory_equal(dev.raw, "\0\0\0\0", 4);
	close(fd);
}

/* ---- answers that come later ----------------------------------------------------- */

static void a_device_may_answer_later(void **state)
{
	const int fd = peer_connect(), other = peer_connect();

	dev.defer = true;
	send_method(fd, "Read", "{'region':2,'offset':'0x0','count':2}");
	send_method(fd, "Get", "{'property':'in3'}");
	assert_silent(fd);
	/* Others are served meanwhile, and this one keeps its order. */
	assert_call(other, "Get", "{'property':'in3'}", "{'parameters':{'value':'three'}}");
	assert_silent(fd);
	assert_int_equal(lm_complete(dev.ctx, dev.token, 2, "\xaa\xbb"), 0);
	assert_reply(receive(fd), "{'parameters':{'data':'aabb'}}");
	assert_reply(receive(fd), "{'parameters':{'value':'three'}}");
	send_method(fd, "Read", "{'region':2,'offset':'0x0','count':2}");
	serve();
	assert_int_equal(lm_complete(dev.ctx, dev.token, -EIO, NULL), 0);
	assert_reply(receive(fd), "{'error':'org.muser.control.Failed',"
		     "'parameters':{'errno':5,'message':'Input/output error'}}");
	close(fd);
	close(other);
}

static void a_masked_write_may_wait_twice(void **state)
{
	const int fd = peer_connect();

	dev.defer = true;
	send_method(fd, "Write", "{'region':2,'offset':'0x0','width':1,'value':'0xff',"
		    "'mask':'0xf'}");
	serve();
	assert_int_equal(lm_complete(dev.ctx, dev.token, 1, "\x50"), 0);
	assert_silent(fd);
	assert_int_equal(dev.raw[0], 0x5f);
	assert_int_equal(lm_complete(dev.ctx, dev.token, 1, NULL), 0);
	assert_reply(receive(fd), OK);
	close(fd);
}

static void a_reset_may_wait(void **state)
{
	const int fd = peer_connect();

	dev.defer = true;
	send_method(fd, "Reset", NULL);
	assert_silent(fd);
	assert_int_equal(lm_complete(dev.ctx, dev.token, 0, NULL), 0);
	assert_reply(receive(fd), OK);
	send_method(fd, "Reset", NULL);
	serve();
	assert_int_equal(lm_complete(dev.ctx, dev.token, -EBUSY, NULL), 0);
	assert_reply(receive(fd), "{'error':'org.muser.control.Failed',"
		     "'parameters':{'errno':16,'message':'Device or resource busy'}}");
	assert_int_equal(dev.resets, 2);
	close(fd);
}

static void an_answer_for_nobody_is_dropped(void **state)
{
	int fd = peer_connect();

	dev.defer = true;
	send_method(fd, "Read", "{'region':2,'offset':'0x0','count':2}");
	serve();
	close(fd);
	serve();
	assert_int_equal(lm_complete(dev.ctx, dev.token, 2, "ab"), -ENOENT);
	fd = peer_connect();
	send_method(fd, "Reset", NULL);
	serve();
	close(fd);
	serve();
	assert_int_equal(lm_complete(dev.ctx, dev.token, 0, NULL), -ENOENT);
}

static void a_context_may_end_while_the_device_thinks(void **state)
{
	const int fd = peer_connect();

	dev.defer = true;
	send_method(fd, "Read", "{'region':2,'offset':'0x0','count':2}");
	serve();
	dev.fds_before++; /* teardown destroys the context under us */
}

/* ---- properties ------------------------------------------------------------------ */

#define NO_PROPERTY(name) "{'error':'org.muser.control.NoSuchProperty'," \
			  "'parameters':{'property':'" name "'}}"
#define FAILED(nr, text)  "{'error':'org.muser.control.Failed'," \
			  "'parameters':{'errno':" #nr ",'message':'" text "'}}"

static void properties_are_set_and_read_back(void **state)
{
	const int fd = peer_connect();
	struct json_object *reply;

	assert_call(fd, "Set", "{'property':'in','value':'0x00ff'}", OK);
	assert_string_equal(dev.input, "in=0x00ff");
	assert_call(fd, "Get", "{'property':'in'}", "{'parameters':{'value':'in=0x00ff'}}");
	assert_call(fd, "Set", "{'property':'in11','value':'1'}", OK);
	assert_string_equal(dev.input, "in11=1");
	assert_call(fd, "Get", "{'property':'strange'}", "{'parameters':{'value':'a??b'}}");
	assert_call(fd, "Get", "{'property':'broken'}", FAILED(5, "Input/output error"));
	assert_call(fd, "Get", "{'property':'in4'}",
		    FAILED(90, "its value has more than 4094 bytes"));
	reply = call(fd, "Get", "{'property':'in5'}");
	assert_int_equal(strlen(json_to_string(at(reply, "value"))), 4094);
	json_free(reply);
	close(fd);
}

static void names_of_no_property_are_told(void **state)
{
	static const char *const names[] = { "in12", "in03", "in-1", "in1x", "i", "inn", "" };
	const int fd = peer_connect();
	char params[64], expected[160];
	size_t i;

	for (i = 0; i < LM_NR(names); i++) {
		snprintf(params, sizeof(params), "{'property':'%s','value':''}", names[i]);
		snprintf(expected, sizeof(expected), NO_PROPERTY("%s"), names[i]);
		assert_call(fd, "Set", params, expected);
	}
	assert_call(fd, "Get", "{'property':'in99999999999999999999'}",
		    NO_PROPERTY("in99999999999999999999"));
	assert_int_equal(dev.sets, 0);
	close(fd);
}

static void properties_that_cannot_be_set_say_so(void **state)
{
	const int fd = peer_connect();

	assert_call(fd, "Set", "{'property':'id','value':'1'}",
		    FAILED(1, "is read-only"));
	assert_call(fd, "Set", "{'property':'mode','value':'1'}",
		    FAILED(1, "can be set at creation only"));
	assert_call(fd, "Set", "{'property':'in','value':'bad'}",
		    FAILED(22, "invalid value"));
	assert_call(fd, "Set", "{'property':'in'}", INVALID("value"));
	assert_call(fd, "Set", "{'property':'in','value':1}", INVALID("value"));
	assert_int_equal(dev.sets, 0);
	close(fd);
}

/* ---- interrupts ------------------------------------------------------------------ */

#define OUTCOME(word) "{'parameters':{'outcome':'" word "'}}"
#define NO_VECTOR(index, vector) "{'error':'org.muser.control.NoSuchVector'," \
	"'parameters':{'index':" #index ",'vector':" #vector "}}"

static void interrupts_are_fired_by_the_rules(void **state)
{
	const int fd = peer_connect(), event = arm(LM_DEV_MSIX_IRQ_IDX, 3);

	enable_msix();
	assert_call(fd, "FireIrq", "{'index':2,'vector':3}", OUTCOME("delivered"));
	assert_true(was_fired(event));
	assert_call(fd, "FireIrq", "{'index':2,'vector':4}", OUTCOME("no-eventfd"));
	assert_call(fd, "MaskIrq", "{'index':2,'vector':3,'mask':true}", OK);
	assert_call(fd, "FireIrq", "{'index':2,'vector':3}", OUTCOME("pending"));
	assert_false(was_fired(event));
	assert_call(fd, "MaskIrq", "{'index':2,'vector':3,'mask':false}", OK);
	assert_true(was_fired(event));
	close(event);
	close(fd);
}

static void interrupts_that_are_not_there_are_told(void **state)
{
	const int fd = peer_connect();

	assert_call(fd, "FireIrq", "{'index':2,'vector':8}", NO_VECTOR(2, 8));
	assert_call(fd, "FireIrq", "{'index':1,'vector':0}", NO_VECTOR(1, 0));
	assert_call(fd, "FireIrq", "{'index':5,'vector':0}", NO_VECTOR(5, 0));
	assert_call(fd, "MaskIrq", "{'index':4294967295,'vector':4294967295,'mask':true}",
		    NO_VECTOR(4294967295, 4294967295));
	assert_call(fd, "FireIrq", "{'index':0}", INVALID("vector"));
	assert_call(fd, "MaskIrq", "{'index':0,'vector':0,'mask':1}", INVALID("mask"));
	close(fd);
}

static void intx_is_a_level(void **state)
{
	const int fd = peer_connect(), event = arm(LM_DEV_INTX_IRQ_IDX, 0);
	uint16_t status;

	assert_call(fd, "SetIrqLevel", "{'level':true}", OUTCOME("delivered"));
	assert_true(was_fired(event));
	lm_config_read(dev.ctx, PCI_STATUS, &status, 2);
	assert_true(status & PCI_STATUS_INTERRUPT);
	assert_call(fd, "SetIrqLevel", "{'level':false}", OUTCOME("delivered"));
	lm_config_read(dev.ctx, PCI_STATUS, &status, 2);
	assert_false(status & PCI_STATUS_INTERRUPT);
	assert_call(fd, "SetIrqLevel", "{'level':'high'}", INVALID("level"));
	close(event);
	close(fd);
}

static void without_pci_there_is_no_intx(void **state)
{
	static const lm_irq_info_t irqs[] = { { "done", 1, LM_IRQ_FLAG_LEVEL } };
	const lm_dev_info_t platform = { .flags = LM_DEV_PLATFORM, LM_IRQS(irqs) };
	int fd;

	lm_ctx_destroy(dev.ctx);
	dev.ctx = lm_ctx_create(&platform);
	assert_non_null(dev.ctx);
	fd = peer_connect();
	assert_call(fd, "SetIrqLevel", "{'level':true}", FAILED(95, "not a PCI device"));
	assert_call(fd, "FireIrq", "{'index':0,'vector':0}", OUTCOME("no-eventfd"));
	assert_call(fd, "FireIrq", "{'index':1,'vector':0}", NO_VECTOR(1, 0));
	close(fd);
}

/* ---- Trace, Stop ----------------------------------------------------------------- */

#define TRACE "{\"method\":\"org.muser.control.Trace\"}"

static int make_page(int seals)
{
	const int fd = memfd_create("armed", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_int_equal(ftruncate(fd, 4096), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static lm_trace_reader_t *begin_trace(int fd)
{
	const int fds[2] = { eventfd(0, 0), make_page(F_SEAL_SHRINK) };
	struct json_object *reply;
	lm_trace_reader_t *reader;
	int ring = -1;

	send_fds(fd, TRACE, fds, 2);
	reply = receive_fd(fd, &ring);
	assert_number_at(reply, "slots", 65536);
	json_free(reply);
	assert_int_equal(lm_trace_open(ring, &reader), 0);
	close(fds[0]);
	close(fds[1]);
	return reader;
}

static void a_tracer_sees_what_musctl_does(void **state)
{
	const int fd = peer_connect();
	lm_trace_reader_t *reader = begin_trace(fd);
	struct lm_trace_record rec;
	struct json_object *reply;
	uint64_t lost;

	assert_call(fd, "Write", "{'region':2,'offset':'0x4','width':2,'value':'0x1234'}", OK);
	assert_int_equal(lm_trace_next(reader, &rec, &lost), 1);
	assert_int_equal(rec.kind, LM_TRACE_WRITE);
	assert_int_equal(rec.flags, LM_TRACE_CONTROL);
	assert_int_equal(rec.region, 2);
	assert_int_equal(rec.offset, 4);
	assert_int_equal(rec.len, 2);
	assert_int_equal(rec.value, 0x1234);
	reply = call(fd, "Show", NULL);
	assert_number_at(reply, "device.tracers", 1);
	json_free(reply);
	lm_trace_close(reader);
	close(fd);
}

static void assert_traced(lm_trace_reader_t *reader, uint16_t kind, uint16_t flags)
{
	struct lm_trace_record rec;
	uint64_t lost;

	assert_int_equal(lm_trace_next(reader, &rec, &lost), 1);
	assert_int_equal(rec.kind, kind);
	assert_int_equal(rec.flags, flags);
}

/* Of musctl's doing everything is marked, of the device's own nothing. */
static void traces_tell_interrupts_and_resets_of_musctl(void **state)
{
	const int fd = peer_connect(), event = arm(LM_DEV_INTX_IRQ_IDX, 0);
	lm_trace_reader_t *reader = begin_trace(fd);

	assert_call(fd, "FireIrq", "{'index':0,'vector':0}", OUTCOME("delivered"));
	assert_traced(reader, LM_TRACE_IRQ_FIRE, LM_TRACE_CONTROL);
	lm_irq_trigger_index(dev.ctx, LM_DEV_INTX_IRQ_IDX, 0);
	assert_traced(reader, LM_TRACE_IRQ_FIRE, 0);
	assert_call(fd, "SetIrqLevel", "{'level':true}", OUTCOME("pending"));
	assert_traced(reader, LM_TRACE_IRQ_FIRE, LM_TRACE_CONTROL);
	assert_call(fd, "MaskIrq", "{'index':2,'vector':1,'mask':true}", OK);
	assert_traced(reader, LM_TRACE_IRQ_MASK, LM_TRACE_CONTROL);
	lm_config_write(dev.ctx, PCI_COMMAND, &(uint16_t){ PCI_COMMAND_INTX_DISABLE }, 2);
	assert_traced(reader, LM_TRACE_IRQ_MASK, 0);
	assert_call(fd, "Reset", NULL, OK);
	assert_traced(reader, LM_TRACE_IRQ_MASK, LM_TRACE_CONTROL);
	assert_traced(reader, LM_TRACE_RESET, LM_TRACE_CONTROL);
	lm_trace_close(reader);
	close(event);
	close(fd);
}

static void the_lease_of_the_ring_is_the_connection(void **state)
{
	const int fd = peer_connect(), other = peer_connect();
	lm_trace_reader_t *reader = begin_trace(fd);
	struct json_object *reply;

	close(fd);
	serve();
	assert_false(trace_on(dev.ctx));
	reply = call(other, "Show", NULL);
	assert_number_at(reply, "device.tracers", 0);
	json_free(reply);
	lm_trace_close(reader);
	close(other);
}

static void one_connection_traces_once(void **state)
{
	const int fd = peer_connect();
	const int fds[2] = { eventfd(0, 0), make_page(F_SEAL_SHRINK) };
	lm_trace_reader_t *reader = begin_trace(fd);

	send_fds(fd, TRACE, fds, 2);
	assert_reply(receive(fd), FAILED(16, "this connection is already tracing"));
	lm_trace_close(reader);
	close(fds[0]);
	close(fds[1]);
	close(fd);
}

#define NO_TRACE FAILED(22, "the call must carry an eventfd, and a memfd of a page that is " \
			"sealed against shrinking")

static void hostile_tracers_are_refused(void **state)
{
	const int fd = peer_connect();
	int fds[3] = { eventfd(0, 0), make_page(0), eventfd(0, 0) };
	const unsigned int before = count_fds();

	send_call(fd, TRACE);
	assert_reply(receive(fd), FAILED(22, "the call must carry an eventfd and a memfd"));
	send_fds(fd, TRACE, fds, 1);
	assert_reply(receive(fd), FAILED(22, "the call must carry an eventfd and a memfd"));
	send_fds(fd, TRACE, fds, 2); /* could be truncated under us */
	assert_reply(receive(fd), NO_TRACE);
	send_fds(fd, TRACE, fds + 1, 2); /* the wrong way round */
	assert_reply(receive(fd), NO_TRACE);
	send_fds(fd, TRACE, fds, 3);
	assert_reply(receive(fd), NO_TRACE);
	assert_int_equal(count_fds(), before);
	assert_false(trace_on(dev.ctx));
	close(fds[0]);
	close(fds[1]);
	close(fds[2]);
	close(fd);
}

static void stop_answers_first(void **state)
{
	const int fd = peer_connect();

	send_method(fd, "Stop", NULL);
	assert_int_equal(lm_ctx_poll(dev.ctx), 1);
	assert_int_equal(lm_ctx_poll(dev.ctx), -ESHUTDOWN);
	assert_reply(receive(fd), OK);
	close(fd);
}

static void stop_needs_no_answer(void **state)
{
	const int fd = peer_connect();

	send_call(fd, "{\"method\":\"org.muser.control.Stop\",\"oneway\":true}");
	assert_int_equal(lm_ctx_poll(dev.ctx), 1);
	assert_int_equal(lm_ctx_poll(dev.ctx), -ESHUTDOWN);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(show_tells_who_the_device_is),
		TEST(show_lists_regions),
		TEST(show_lists_interrupts),
		TEST(show_lists_properties),
		TEST(show_tells_who_the_client_is),
		TEST(dma_windows_come_in_pages),
		TEST(registers_are_listed_and_not_read),
		TEST(bytes_are_read_in_the_order_of_addresses),
		TEST(values_are_written_with_their_width),
		TEST(a_masked_write_changes_the_masked_bits),
		TEST(what_is_not_there_is_told),
		TEST(impossible_accesses_are_refused),
		TEST(a_device_may_answer_later),
		TEST(a_masked_write_may_wait_twice),
		TEST(a_reset_may_wait),
		TEST(an_answer_for_nobody_is_dropped),
		TEST(a_context_may_end_while_the_device_thinks),
		TEST(properties_are_set_and_read_back),
		TEST(names_of_no_property_are_told),
		TEST(properties_that_cannot_be_set_say_so),
		TEST(interrupts_are_fired_by_the_rules),
		TEST(interrupts_that_are_not_there_are_told),
		TEST(intx_is_a_level),
		TEST(without_pci_there_is_no_intx),
		TEST(a_tracer_sees_what_musctl_does),
		TEST(traces_tell_interrupts_and_resets_of_musctl),
		TEST(the_lease_of_the_ring_is_the_connection),
		TEST(one_connection_traces_once),
		TEST(hostile_tracers_are_refused),
		TEST(stop_answers_first),
		TEST(stop_needs_no_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
