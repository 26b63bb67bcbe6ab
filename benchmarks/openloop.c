/* Requests sent at a steady rate, whatever the answers take: PORT RATE SECONDS CONNECTIONS.
 *
 * Standard input: whole requests, each ended by a NUL, sent in turn; twelve x in each become a number of its own, and
 * the next twelve x the same, if there are any.
 * Standard output: a double for each 200, the seconds from the moment when its request was due until it was answered.
 * In C, since it shares a core with a part of what it measures. Knows of HTTP that an answer is one packet or two.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEARD_MAX = 4096, AT_ONCE = 64, TICK_MS = 1, PATIENCE_S = 1, NUMBER = 12 };
typedef struct { char *text, *number, *again; size_t length; } Request;
typedef struct { int sock; size_t heard; double due_s; char answer[HEARD_MAX]; } Connection;

static _Noreturn void fail(const char *what) {
	perror(what);
	exit(1);
}

static double now_s(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

static Request *read_requests(size_t *count) {
	size_t room = 0, length, last;
	char *text = NULL, *mark;
	Request *requests = NULL;
	for (*count = 0; getdelim(&text, &room, 0, stdin) > 0; text = NULL, room = 0, ++*count) {
		last = *count, length = strlen(text);
		if (!(requests = realloc(requests, (last + 1) * sizeof *requests))) fail("realloc");
		if (!(mark = strstr(text, "xxxxxxxxxxxx"))) exit(2);
		requests[last] = (Request){text, mark, strstr(mark + NUMBER, "xxxxxxxxxxxx"), length};
	}
	return requests;
}

static int connected(int port) {
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int sock = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
	if (sock < 0 || connect(sock, (void *)&to, sizeof to)) fail("connect");
	setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
	return sock;
}

static void send_request(Connection *through, Request *request, unsigned long number) {
	char digits[2 * sizeof number + 1];
	snprintf(digits, sizeof digits, "%012lx", number);
	memcpy(request->number, digits, NUMBER);
	if (request->again) memcpy(request->again, digits, NUMBER);
	through->heard = 0;
	if (send(through->sock, request->text, request->length, MSG_NOSIGNAL) != (ssize_t)request->length) fail("send");
}

/* Whether the whole answer is there: all are JSON objects, and none is followed by another. */
static int hear(Connection *through) {
	ssize_t n = recv(through->sock, through->answer + through->heard, HEARD_MAX - through->heard, 0);
	if (n <= 0) fail("the collector ended");
	through->heard += n;
	return through->answer[through->heard - 1] == '}';
}

int main(int argc, char **argv) {
	if (argc != 5) return 2;
	int port = atoi(argv[1]), poll = epoll_create1(0);
	double rate = atof(argv[2]), seconds = atof(argv[3]), passed_s;
	size_t connections = strtoul(argv[4], NULL, 10), free_ones = 0, first_free = 0, count, answered = 0, sent = 0, due;
	Request *requests = read_requests(&count);
	double *taken_s = malloc((size_t)(rate * seconds + 1) * sizeof *taken_s);
	Connection *all = calloc(connections, sizeof *all), **free_list = calloc(connections, sizeof *free_list);
	if (!count || !taken_s || !all || !free_list) fail("requests");
	for (size_t n = 0; n < connections; n++) {
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = &all[n]};
		all[n].sock = connected(port);
		if (epoll_ctl(poll, EPOLL_CTL_ADD, all[n].sock, &event)) fail("epoll");
		free_list[free_ones++] = &all[n];
	}
	double began_s = now_s();
	while ((passed_s = now_s() - began_s) < seconds + PATIENCE_S && (free_ones < connections || passed_s < seconds)) {
		for (due = rate * (passed_s < seconds ? passed_s : seconds); sent < due && free_ones; sent++) {
			Connection *next = free_list[first_free];
			first_free = (first_free + 1) % connections, free_ones--;
			next->due_s = sent / rate;
			send_request(next, &requests[sent % count], sent);
		}
		struct epoll_event events[AT_ONCE];
		int ready = epoll_wait(poll, events, AT_ONCE, TICK_MS);
		for (int n = 0; n < ready; n++) {
			Connection *through = events[n].data.ptr;
			if (!hear(through)) continue;
			free_list[(first_free + free_ones++) % connections] = through;
			if (!memcmp(through->answer, "HTTP/1.1 200", 12)) taken_s[answered++] = now_s() - began_s - through->due_s;
		}
	}
	if (fwrite(taken_s, sizeof *taken_s, answered, stdout) != answered) fail("write");
	return 0;
}
