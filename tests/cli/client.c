/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * client.c - a vfio-user client for tests: "client PATH" attaches there, "client -- COMMAND" to a
 * server that it starts with the connection as descriptor 3. Then does what each line on stdin says
 * and answers with a line. Ends with stdin; the status is that of COMMAND.
 *
 *	intx            assign an eventfd to INTx
 *	irqs            how many interrupts have come since (waits a second for the first)
 *	mask, unmask    INTx
 *	read REGION OFFSET COUNT: up to 4096 bytes; prints the first eight as a number
 *	write REGION OFFSET WIDTH VALUE
 *	map ADDRESS SIZE
 *	burst N         so many reads of BAR0
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <muser-client.h>

static lm_client_t *client;
static int irq_fd = -1;
static pid_t child;

static void answer(int err)
{
	if (err)
		printf("error %s\n", strerror(-err));
	else
		printf("ok\n");
}

static int set_intx(uint32_t flags, int fd)
{
	const lm_client_irq_set_t set = {
		.flags = flags, .index = VFIO_PCI_INTX_IRQ_INDEX, .count = 1,
		.fds = fd < 0 ? NULL : &fd,
	};

	return lm_client_set_irqs(client, &set);
}

static void do_intx(const unsigned long *arg)
{
	irq_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	answer(set_intx(VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER, irq_fd));
}

static void do_irqs(const unsigned long *arg)
{
	struct pollfd pfd = { irq_fd, POLLIN, 0 };
	uint64_t count = 0;

	poll(&pfd, 1, 1000);
	if (read(irq_fd, &count, sizeof(count)) < 0)
		count = 0;
	printf("%lu\n", (unsigned long)count);
}

static void do_mask(const unsigned long *arg)
{
	answer(set_intx(VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_MASK, -1));
}

static void do_unmask(const unsigned long *arg)
{
	answer(set_intx(VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK, -1));
}

static void do_read(const unsigned long *arg)
{
	uint64_t bytes[512] = { 0 };
	int err = arg[2] > sizeof(bytes) ? -EINVAL :
		  lm_client_region_read(client, (uint32_t)arg[0], arg[1], bytes, arg[2]);

	if (err)
		answer(err);
	else
		printf("0x%lx\n", (unsigned long)bytes[0]);
}

static void do_write(const unsigned long *arg)
{
	uint64_t value = arg[3];

	answer(arg[2] > 8 ? -EINVAL :
	       lm_client_region_write(client, (uint32_t)arg[0], arg[1], &value, arg[2]));
}

static void do_map(const unsigned long *arg)
{
	lm_client_dma_map_t map = {
		.addr = arg[0], .size = arg[1], .flags = LM_CLIENT_DMA_READ | LM_CLIENT_DMA_WRITE,
		.fd = memfd_create("ram", MFD_CLOEXEC),
	};

	if (map.fd < 0 || ftruncate(map.fd, (off_t)arg[1]))
		answer(-ENOMEM);
	else
		answer(lm_client_dma_map(client, &map));
}

static void do_burst(const unsigned long *arg)
{
	uint32_t value;
	unsigned long i;
	int err = 0;

	for (i = 0; i < arg[0] && !err; i++)
		err = lm_client_region_read(client, 0, 0, &value, sizeof(value));
	answer(err);
}

static const struct {
	const char *name;
	void      (*fn)(const unsigned long *arg);
} commands[] = {
	{ "intx", do_intx }, { "irqs", do_irqs }, { "mask", do_mask }, { "unmask", do_unmask },
	{ "read", do_read }, { "write", do_write }, { "map", do_map },
	{ "burst", do_burst },
};

static void run_line(char *line)
{
	char *word = strtok(line, " \n");
	unsigned long arg[4] = { 0 };
	size_t i, nr = 0;
	char *number;

	while (nr < 4 && (number = strtok(NULL, " \n")))
		arg[nr++] = strtoul(number, NULL, 0);
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (word && !strcmp(word, commands[i].name)) {
			commands[i].fn(arg);
			return;
		}
	}
	printf("error no such command\n");
}

/* Starts a server that inherits its connection as descriptor 3. */
static int connect_child(char **argv)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return -errno;
	child = fork();
	if (child == 0) {
		close(0);
		if (open("/dev/null", O_RDONLY) != 0 || dup2(ends[1], 3) != 3)
			_exit(99);
		fcntl(3, F_SETFD, 0);
		execv(argv[0], argv);
		_exit(99);
	}
	close(ends[1]);
	return lm_client_connect_fd(ends[0], NULL, &client);
}

int main(int argc, char **argv)
{
	char line[256];
	int err, status = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 2)
		err = connect_child(argv + 2);
	else
		err = lm_client_connect(argc > 1 ? argv[1] : "", NULL, &client);
	printf(err ? "error %s\n" : "ready\n", strerror(-err));
	while (!err && fgets(line, sizeof(line), stdin))
		run_line(line);
	lm_client_close(client);
	if (child > 0)
		waitpid(child, &status, 0);
	return err ? 1 : WEXITSTATUS(status);
}
