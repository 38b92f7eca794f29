// The reference service: heartbeat and creation of sessions the usual way, NestJS on Fastify over PostgreSQL.
// PORT and DATABASE_URL come from the environment. Decorators are applied by hand, so that Node runs this file as it
// is, without a TypeScript build.
import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import {
  BadRequestException, Body, ConflictException, Controller, HttpCode, Inject, Module, NotFoundException, Param, Post,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import pg from 'pg';

const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const UNIQUE_VIOLATION = '23505';
const CONNECTIONS = 16;

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: CONNECTIONS });
const prepared = (name, text) => (values) => pool.query({ name, text, values });

const beat = prepared('beat', `
  UPDATE sessions SET last_heartbeat = now(), updated_at = now(),
    status = CASE status WHEN 'stalled' THEN 'active' ELSE status END,
    current_task_id = COALESCE($2, current_task_id)
  WHERE session_id = $1 RETURNING *`);
const insert = prepared('insert', `
  INSERT INTO sessions (session_id, project_id, machine_id, docker_slot, status, last_heartbeat, started_at,
    metadata, created_at, updated_at)
  VALUES ($1, $2, $3, $4, 'active', now(), now(), $5, now(), now()) RETURNING *`);

class Sessions {
  async heartbeat(id, body) {
    if (!UUID_V4.test(id)) throw new BadRequestException('session_id must be a UUID v4');
    const { rows } = await beat([id, body?.current_task_id ?? null]);
    if (rows.length === 0) throw new NotFoundException();
    return rows[0];
  }

  async create(body) {
    if (!body?.project_id || !body?.machine_id) {
      throw new BadRequestException('project_id and machine_id are required');
    }
    try {
      const { rows } = await insert(
        [randomUUID(), body.project_id, body.machine_id, body.docker_slot ?? null, body.metadata ?? null]);
      return rows[0];
    } catch (error) {
      if (error.code === UNIQUE_VIOLATION) throw new ConflictException();
      throw error;
    }
  }
}

class Api {
  constructor(sessions) { this.sessions = sessions; }

  heartbeat(id, body) { return this.sessions.heartbeat(id, body); }

  create(body) { return this.sessions.create(body); }
}

function decorate(method, decorators, parameters) {
  const descriptor = Object.getOwnPropertyDescriptor(Api.prototype, method);
  for (const decorator of decorators) decorator(Api.prototype, method, descriptor);
  parameters.forEach((decorator, index) => decorator(Api.prototype, method, index));
}
decorate('heartbeat', [Post(':id/heartbeat'), HttpCode(200)], [Param('id'), Body()]);
decorate('create', [Post()], [Body()]);
Inject(Sessions)(Api, undefined, 0);
Controller('api/sessions')(Api);

class App {}
Module({ controllers: [Api], providers: [Sessions] })(App);

const app = await NestFactory.create(App, new FastifyAdapter(), { logger: false });
await pool.query('SELECT 1');
await app.listen(Number(process.env.PORT), '127.0.0.1');
