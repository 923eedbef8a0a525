import { BadRequestException, Body, Controller, DefaultValuePipe, Delete, Get, HttpCode, Post } from '@nestjs/common';
import { Session, SessionService } from 'nestjs-token-session';

interface Notebook {
  notes: string[];
}

/** A notebook that lasts as long as its session. It knows nothing of the store. */
@Controller('notes')
export class NotesController {
  constructor(private readonly sessions: SessionService) {}

  @Get()
  list(@Session('notes', new DefaultValuePipe([])) notes: string[]): string[] {
    return notes;
  }

  @Post()
  async add(@Session() sess: Session<Notebook>, @Body() body: unknown): Promise<string[]> {
    const { text } = (body ?? {}) as { text?: unknown };
    if (typeof text !== 'string' || text === '' || text.length > 200) {
      throw new BadRequestException('text: takes text of 1 to 200 characters.');
    }
    // Runs again when another request was faster: no note is lost.
    await this.sessions.update(sess, (notebook) => {
      notebook.notes = [...(notebook.notes ?? []), text].slice(-20);
    });
    return sess.notes ?? [];
  }

  @Delete()
  @HttpCode(204)
  end(@Session() sess: Session<Notebook>): Promise<void> {
    return this.sessions.destroy(sess);
  }
}
